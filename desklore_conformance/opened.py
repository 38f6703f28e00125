"""Open a Source on a server of this machine as the product would, without the product around it."""

from typing import Final

from backend.adapters.http.client import Patience
from backend.adapters.registry import Adapter, Calling
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.tenant import Secret
from backend.core.ports.source import Source
from backend.storage.inprocess.budget.budgets import InProcessBudgets

PATIENT: Final = Patience(seconds=20, attempts=3)
"""Lives through a fault in passing."""
_CONCURRENCY: Final = 6


def hasty(seconds: float) -> Patience:
    """Tells every fault at once: one attempt of so many seconds, and no wait for the quota."""
    return Patience(seconds=seconds, attempts=1, longest_wait=0)


def open_source(
    adapter: Adapter, *, domain: str, base_url: str, credentials: dict[str, str], lane: Lane = Lane.BACKFILL, patience: Patience = PATIENT
) -> Source:
    """A Source with an account budget of its own; the caller closes it. Hosts of this machine are allowed.

    Raises HOST_NOT_ALLOWED where the adapter does not take the address.
    """
    calling = Calling(frozenset({"127.0.0.1"}), _CONCURRENCY, patience, InProcessBudgets(_CONCURRENCY))
    settings = SourceSettings(
        company_id="hanbit",
        connection_id="conn_1",
        platform=adapter.platform,
        domain=adapter.check_address(domain, base_url, calling),
        base_url=base_url,
        credentials={name: Secret(value) for name, value in credentials.items()},
    )
    return adapter.open(settings, calling, lane)

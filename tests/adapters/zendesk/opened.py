"""Sources on a Zendesk sandbox, and how tests read them."""

from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.model.connection import SourceSettings
from backend.core.model.document import DocType
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, ItemRef, Listing, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Ticket
from backend.core.ports.source import Source
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from sandbox.faults import Fault, Kind
from sandbox.serve import ZendeskServer


def opened(
    server: ZendeskServer, *, base_url: str = "", allowed: str = "127.0.0.1", attempts: int = 3, seconds: float = 10, **credentials: str
) -> Source:
    """A Source on a sandbox."""
    registry = SourceRegistry(frozenset({allowed}), 6, Patience(seconds=seconds, attempts=attempts), InProcessBudgets(6))
    secrets = {name: Secret(value) for name, value in (credentials or server.credentials).items()}
    settings = SourceSettings(
        company_id="hanbit",
        connection_id="c",
        platform="zendesk",
        domain="hanbitcloud",
        base_url=base_url or server.base_url,
        credentials=secrets,
    )
    return registry.open(settings, Lane.INCREMENTAL)


def order(server: ZendeskServer, match: str, kind: Kind, times: int | None = 1, *, seconds: float = 0.2) -> None:
    """Let requests fail."""
    server.site.faults.add(Fault(match=match, kind=kind, times=times, seconds=seconds))


async def listings(source: Source, options: RunOptions | None = None, cursor: Cursor | None = None) -> list[Listing]:
    """All pages of articles."""
    found: list[Listing] = []
    cursor = cursor or Cursor(stream=Stream.ARTICLES)
    while True:
        listing = await source.list_changes(cursor, options or RunOptions())
        found.append(listing)
        if listing.last:
            return found
        cursor = listing.next


async def names(source: Source, stream: Stream = Stream.TICKETS, options: RunOptions | None = None) -> list[ItemRef]:
    """All a stream names."""
    refs: list[ItemRef] = []
    cursor = Cursor(stream=stream)
    while True:
        listing = await source.list_changes(cursor, options or RunOptions())
        refs += listing.refs
        cursor = listing.next
        if listing.last:
            return refs


async def ticket(source: Source, ref: ItemRef | int) -> Ticket:
    """A ticket, by its listing or by its number."""
    wanted = ref if isinstance(ref, ItemRef) else ItemRef(doc_type=DocType.TICKET, original_id=str(ref), version="")
    found = (await source.fetch(wanted)).item
    assert isinstance(found, Ticket)
    return found

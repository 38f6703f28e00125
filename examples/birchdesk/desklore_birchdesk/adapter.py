"""What the entry point names: which addresses are Birchdesk's, and how a Source is opened."""

from typing import Final

from backend.adapters.http.address import Addresses
from backend.adapters.registry import Calling
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.ports.source import Source

from desklore_birchdesk.source import BirchdeskSource

ADDRESSES: Final = Addresses(vendor="Birchdesk", suffix=".birchdesk.example", api="/v1")
"""Accounts are at `acme.birchdesk.example`; any other host has to be on the operator's allow-list."""


class BirchdeskAdapter:
    """https://birchdesk.example."""

    platform = "birchdesk"
    credential_fields: tuple[str, ...] = ("token",)

    def check_address(self, domain: str, base_url: str | None, calling: Calling) -> str:
        """`acme`, `acme.birchdesk.example` or its URL; raises HOST_NOT_ALLOWED."""
        return ADDRESSES.check(domain, base_url, calling.allowed_hosts)

    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> Source:
        """A Source for a connection, whose calls go in this lane of the account's budget."""
        origin, prefix = ADDRESSES.origin_of(settings.domain, settings.base_url, calling.allowed_hosts)
        token = settings.credentials["token"]
        return BirchdeskSource(
            self.check_address(settings.domain, settings.base_url, calling),
            token,
            origin=origin,
            prefix=prefix,
            allowed_hosts=calling.allowed_hosts,
            concurrency=calling.concurrency,
            patience=calling.patience_of(lane),
            spender=calling.join(origin.authority + prefix, token, lane),
        )

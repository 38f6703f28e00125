"""How often the API may be called."""

from enum import StrEnum
from typing import Protocol


class RateScope(StrEnum):
    """Whose requests are counted together."""

    ADDRESS = "address"
    """Of one network address, before anybody knows who asks: also those with a wrong key."""
    KEY = "key"
    """Of one API key, its tokens included."""
    TENANT = "tenant"
    """Of all keys of one company."""
    WEBHOOK = "webhook"
    """Of one connection's helpdesk, where it has proved who it is."""
    LOGIN_ADDRESS = "login_address"
    """Of one network address, that make us ask a helpdesk whose credentials these are."""
    LOGIN = "login"
    """The same of all addresses, for one connection."""


class Rates(Protocol):
    """Counts requests against the operator's limits. Never raises: limits guard the API and must not take it down."""

    async def take(self, scope: RateScope, *names: str) -> float | None:
        """Count one; None where it may go on, else the seconds until another one may. `names` begin with the company_id."""
        ...

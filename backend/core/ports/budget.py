"""The budget of a vendor account: whoever calls the vendor with one credential spends from it (SPEC A5)."""

from typing import Protocol

from backend.core.model.quota import Call, Lane, QuotaView, Settlement


class Grant(Protocol):
    """Leave to make one call. It has to be settled, whatever happens, exactly once."""

    def settle(self, settlement: Settlement) -> None:
        """Tell what became of the call: corrects what was taken for it, and lets the next one go.

        Never waits, so that it works while a call is being cancelled; a budget shared by processes sends it in the background.
        """
        ...


class Spender(Protocol):
    """One Source's part in an account's budget."""

    async def acquire(self, call: Call, *, urgent: bool = False, longest_wait: float) -> Grant:
        """Wait until the call may be made: lanes in order, spenders of a lane in turn, `urgent` calls of a spender's lane first.

        A cancelled acquire takes nothing. Raises SOURCE_RATE_LIMITED with `retry_after` where the vendor's quota is not free
        again within `longest_wait` seconds; the turns of others and connections in use don't count as such a wait.
        """
        ...

    def look(self) -> QuotaView:
        """How the budget stands."""
        ...

    def leave(self) -> None:
        """No more calls; what was learned of the account stays."""
        ...


class Budgets(Protocol):
    """The budgets of all accounts."""

    def join(self, account: str, lane: Lane) -> Spender:
        """Spend from an account's budget in a lane. `account` tells address and credential apart, and is no secret."""
        ...

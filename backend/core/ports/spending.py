"""Where a tenant's budget for models lives, and what they cost."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from backend.core.model.budget import Budget, BudgetOwner, Purpose, UsageRow


class BudgetStore(Protocol):
    """The limits set for the tenant, one set by each owner."""

    async def list(self) -> list[Budget]:
        """All, the operator's first."""
        ...

    async def put(self, budget: Budget) -> None:
        """Insert or replace its owner's."""
        ...

    async def delete(self, owner: BudgetOwner) -> bool:
        """Forget them; whether there were any."""
        ...


class UsageStore(Protocol):
    """What models cost, and results that were paid for."""

    async def add(self, rows: Sequence[UsageRow]) -> None:
        """Add to the day's figures."""
        ...

    async def list(self, since: date, until: date) -> list[UsageRow]:
        """Rows of these days, both included."""
        ...

    async def get_cached(self, keys: Collection[str]) -> dict[str, bytes]:
        """Paid-for results by key (hash of content, model and prompt version)."""
        ...

    async def put_cached(self, entries: Mapping[str, bytes], purpose: Purpose) -> None:
        """Keep them."""
        ...

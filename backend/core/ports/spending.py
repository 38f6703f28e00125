"""Where a tenant's budget for models lives."""

from typing import Protocol

from backend.core.model.budget import Budget, BudgetOwner


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

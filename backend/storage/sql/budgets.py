"""How much models may cost a tenant."""

import msgspec
from sqlalchemy import delete, select

from backend.core.model.budget import Budget, BudgetOwner
from backend.storage.sql.tables_judged import budgets as table
from backend.storage.sql.transaction import TenantTables

_budget = msgspec.json.Decoder(Budget)


class SqlBudgetStore(TenantTables):
    """BudgetStore by SQL."""

    async def list(self) -> list[Budget]:
        """All, the operator's first."""
        rows = await self._in.rows(select(table.c.body).where(table.c.company_id == self._company_id).order_by(table.c.owner))
        return [_budget.decode(row.body) for row in rows]

    async def put(self, budget: Budget) -> None:
        """Insert or replace its owner's."""
        await self._in.upsert(table, [{"company_id": self._company_id, "owner": budget.owner.value, "body": budget}])

    async def delete(self, owner: BudgetOwner) -> bool:
        """Forget them; whether there were any."""
        mine = table.c.company_id == self._company_id, table.c.owner == owner.value
        return bool(await self._in.write(delete(table).where(*mine)))

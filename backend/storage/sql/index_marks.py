"""What tells every process that a tenant's index was changed."""

from sqlalchemy import select

from backend.core.ids import new_id
from backend.storage.sql.tables_judged import index_marks as table
from backend.storage.sql.transaction import TenantTables


class SqlIndexMarkStore(TenantTables):
    """IndexMarkStore by SQL."""

    async def get(self) -> str:
        """The present mark; empty where the index was never changed."""
        row = await self._in.row(select(table.c.mark).where(table.c.company_id == self._company_id))
        return str(row.mark) if row else ""

    async def change(self) -> None:
        """Another mark, which never was one before: a count could come back with a backup that is restored."""
        await self._in.upsert(table, [{"company_id": self._company_id, "mark": new_id("mark")}])

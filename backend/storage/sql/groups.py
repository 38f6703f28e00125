"""Which groups of a helpdesk the stored tickets are in."""

from sqlalchemy import select

from backend.storage.sql.tables import IN_GROUP
from backend.storage.sql.tables import documents as table
from backend.storage.sql.transaction import TenantTables


class SqlGroupStore(TenantTables):
    """GroupStore by SQL."""

    async def list(self) -> list[tuple[str, ...]]:
        """The marks of each group, in order; read from the index alone."""
        query = select(table.c.group_id, table.c.group_name).distinct().where(table.c.company_id == self._company_id, IN_GROUP)
        return sorted(tuple(mark for mark in row if mark is not None) for row in await self._in.rows(query))

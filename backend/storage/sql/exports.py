"""A tenant's exports of everything that is kept of it."""

import msgspec
from sqlalchemy import delete, select

from backend.core.model.export import Export
from backend.storage.sql.tables_asked import exports as table
from backend.storage.sql.transaction import TenantTables

_export = msgspec.json.Decoder(Export)


class SqlExportStore(TenantTables):
    """ExportStore by SQL."""

    async def put(self, export: Export) -> None:
        """Insert or replace."""
        row = {
            "company_id": self._company_id,
            "export_id": export.export_id,
            "created_at": export.created_at,
            "state": export.state.value,
            "body": export,
        }
        await self._in.upsert(table, [row])

    async def get(self, export_id: str) -> Export | None:
        """One by id."""
        row = await self._in.row(select(table.c.body).where(table.c.company_id == self._company_id, table.c.export_id == export_id))
        return _export.decode(row.body) if row else None

    async def list(self) -> list[Export]:
        """Newest first."""
        query = select(table.c.body).where(table.c.company_id == self._company_id)
        rows = await self._in.rows(query.order_by(table.c.created_at.desc(), table.c.export_id.desc()))
        return [_export.decode(row.body) for row in rows]

    async def delete(self, export_id: str) -> None:
        """Forget one; nothing where there is none."""
        await self._in.write(delete(table).where(table.c.company_id == self._company_id, table.c.export_id == export_id))

"""A tenant's Connections."""

import msgspec
from sqlalchemy import delete, select

from backend.core.model.connection import Connection
from backend.storage.sql.tables import connections as table
from backend.storage.sql.tables import cursors, deliveries, failures, held_deletions, nudges, runs, sightings
from backend.storage.sql.transaction import TenantTables

_connection = msgspec.json.Decoder(Connection)


class SqlConnectionStore(TenantTables):
    """ConnectionStore by SQL."""

    async def put(self, connection: Connection) -> None:
        """Insert or replace. Raises CONNECTION_EXISTS where another one has the same platform and domain."""
        row = {
            "company_id": self._company_id,
            "connection_id": connection.connection_id,
            "platform": connection.platform,
            "domain": connection.domain,
            "created_at": connection.created_at,
            "next_run_at": connection.next_run_at,
            "body": connection,
        }
        await self._in.upsert(table, [row])

    async def get(self, connection_id: str) -> Connection | None:
        """One by id."""
        query = select(table.c.body).where(table.c.company_id == self._company_id, table.c.connection_id == connection_id)
        row = await self._in.row(query)
        return _connection.decode(row.body) if row else None

    async def list(self) -> list[Connection]:
        """All, oldest first."""
        query = select(table.c.body).where(table.c.company_id == self._company_id)
        rows = await self._in.rows(query.order_by(table.c.created_at, table.c.connection_id))
        return [_connection.decode(row.body) for row in rows]

    async def delete(self, connection_id: str) -> None:
        """Remove it with its cursors, failures, nudges and runs; its Documents are the caller's to remove first."""
        for owned in (cursors, failures, held_deletions, sightings, nudges, deliveries, runs, table):
            await self._in.write(delete(owned).where(owned.c.company_id == self._company_id, owned.c.connection_id == connection_id))

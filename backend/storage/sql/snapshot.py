"""Every row of an installation as it was at one moment, read in order and in pieces while others go on writing."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Select, String, Table, collate, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.storage.sql.audit import OPERATOR
from backend.storage.sql.engine import Engines
from backend.storage.sql.errors import translated
from backend.storage.sql.tables import tenants
from backend.storage.sql.tables_judged import audit
from backend.storage.sql.whole_rows import Row

PAGE_ROWS: Final = 100
"""A Document can be some hundred kilobytes."""
_PATIENT: Final = ("SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0")
"""Files are copied while the snapshot is held, and sorting a large table takes its time."""
_FOR_OPERATOR: Final = text("SELECT set_config('app.operator', 'on', true)")
_FOR_TENANT: Final = text("SELECT set_config('app.company_id', :company_id, true)")


class Snapshot:
    """What was committed when it was taken. PostgreSQL is told which tenant is read, one after the other (docs/decisions/0016)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def _postgres(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    async def companies(self) -> list[str]:
        """All tenants, in the order of their ids."""
        with translated():
            found = await self._connection.execute(select(tenants.c.company_id))
            return sorted(row.company_id for row in found)

    async def count(self, table: Table, company_id: str) -> int:
        """How many rows a tenant has in a table."""
        await self._act_for(company_id)
        with translated():
            query = select(func.count()).select_from(table).where(table.c.company_id == company_id)
            return int((await self._connection.execute(query)).scalar_one())

    async def newest(self, column: Column[Any], company_id: str) -> datetime | None:
        """The latest moment among a tenant's rows; None without any."""
        await self._act_for(company_id)
        with translated():
            query = select(func.max(column)).where(column.table.c.company_id == company_id)
            found: datetime | None = (await self._connection.execute(query)).scalar_one()
            return found

    async def pages(self, table: Table, company_id: str) -> AsyncGenerator[Sequence[Row], None]:
        """A tenant's rows of a table by their key, the same order in every database. Close it when done (`aclosing`)."""
        await self._act_for(company_id)
        with translated():
            async with self._connection.stream(self._query(table, company_id), execution_options={"yield_per": PAGE_ROWS}) as result:
                async for page in result.mappings().partitions(PAGE_ROWS):
                    yield page

    def _query(self, table: Table, company_id: str) -> Select[Any]:
        keys = [column for column in table.primary_key if column.name != "company_id"]
        # By code points, as SQLite sorts and as Python compares; a database of another locale has another order of its own.
        order = [collate(key, "C") if self._postgres and isinstance(key.type, String) else key for key in keys]
        return select(table).where(table.c.company_id == company_id).order_by(*order)

    async def _act_for(self, company_id: str) -> None:
        if self._postgres:
            with translated():
                await self._connection.execute(_FOR_TENANT, {"company_id": company_id})


@asynccontextmanager
async def snapshot(engines: Engines, company_id: str | None = None) -> AsyncIterator[Snapshot]:
    """One moment of the database, held until the block ends. It takes no lock that a writer would wait for.

    With `company_id` PostgreSQL shows this tenant's rows and no others from the first query on; without, all may be read in turn.
    """
    with translated():
        if not engines.shared:
            # The first connection of all that writes switches to the write-ahead log, which it can't while a snapshot is held.
            async with engines.writer.connect():
                pass
        connection = await engines.reader.connect().start()
    try:
        with translated():
            await _hold_still(connection, company_id)
        yield Snapshot(connection)
    finally:
        with translated():
            if connection.dialect.name == "sqlite" and not connection.invalidated:
                await connection.exec_driver_sql("ROLLBACK")
            await connection.close()


async def _hold_still(connection: AsyncConnection, company_id: str | None) -> None:
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN")
        # SQLite takes its snapshot at the first read. https://www.sqlite.org/isolation.html
        await connection.execute(select(func.count()).select_from(tenants))
        return
    await connection.execution_options(isolation_level="REPEATABLE READ")
    for setting in _PATIENT:
        await connection.execute(text(setting))
    if company_id is None:
        await connection.execute(_FOR_OPERATOR)
    else:
        await connection.execute(_FOR_TENANT, {"company_id": company_id})


def tables_of(company_id: str, tables: Sequence[Table]) -> list[Table]:
    """The tables in which it has rows: the operator has nothing but an audit log."""
    return [audit] if company_id == OPERATOR else list(tables)

"""What a store reads and writes through: one transaction that takes the write lock only when something is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Column, Executable, LargeBinary, Row, Table, Text, bindparam, cast, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.storage.sql.engine import Engines
from backend.storage.sql.errors import translated

IDS_AT_ONCE = 1_000
"""So many ids go into one query; SQLite and PostgreSQL both take at least 32,000 variables."""

_FOR_TENANT = text("SELECT set_config('app.company_id', :company_id, true)")
_ALONE_FOR_TENANT = text("SELECT set_config('app.company_id', :company_id, true), pg_advisory_xact_lock(hashtextextended(:company_id, 0))")
_FOR_OPERATOR = text("SELECT set_config('app.operator', 'on', true)")
"""What row-level security goes by (migration 0006); `true`: until the transaction ends, so that no connection carries it on."""

Values = Mapping[str, Any]
AnyRow = Row[*tuple[Any, ...]]


class TenantTables:
    """What all stores of one tenant have in common: its id, and the transaction they are part of."""

    def __init__(self, company_id: str, transaction: "Transaction") -> None:
        self._company_id = company_id
        self._in = transaction


class Transaction:
    """Reads what is committed until the first write, and its own writes after it.

    That is READ COMMITTED: what was read before the first write may have changed by then. Where that matters,
    `lock` first. Don't wait for the outside, or open another one, between the first write and the commit.

    It is of one tenant, or of the operator (`company_id` None). PostgreSQL is told so by its first statement and shows
    no row of anybody else's.
    """

    def __init__(self, engines: Engines, company_id: str | None) -> None:
        self._engines = engines
        self._company_id = company_id
        self._reader: AsyncConnection | None = None
        self.writer: AsyncConnection | None = None

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engines.writer.dialect.name

    async def rows(self, query: Executable, values: Values | None = None) -> Sequence[AnyRow]:
        """All rows of a query."""
        with translated():
            connection = self.writer or await self._reading()
            return (await connection.execute(query, values)).all()

    async def row(self, query: Executable, values: Values | None = None) -> AnyRow | None:
        """The first row of a query."""
        found = await self.rows(query, values)
        return found[0] if found else None

    async def also_for(self, company_id: str) -> None:
        """From here on the operator's transaction may write in this tenant's name too, which only PostgreSQL has to be told."""
        connection = await self.lock()
        if self.dialect == "postgresql":
            with translated():
                await connection.execute(_FOR_TENANT, {"company_id": company_id})

    async def lock(self, *, alone: bool = False) -> AsyncConnection:
        """Begin to write: from here on reads see this transaction's own writes.

        In SQLite nobody else writes until it ends; in PostgreSQL no other transaction of this tenant that is `alone` too,
        and rows that are read for an update wait for each other.
        """
        with translated():
            if self.writer is None:
                self.writer = await self._engines.writer.connect().start()
                await self.writer.begin()
                await self._introduce(self.writer, alone=alone)
            return self.writer

    async def act_for(self, company_id: str) -> None:
        """Let an operator's transaction see and write one tenant's rows as well; the tenant before it no more."""
        if self.dialect == "postgresql":
            connection = await self.lock()
            with translated():
                await connection.execute(_FOR_TENANT, {"company_id": company_id})

    async def _introduce(self, connection: AsyncConnection, *, alone: bool) -> None:
        if self.dialect != "postgresql":
            return
        if self._company_id is None:
            await connection.execute(_FOR_OPERATOR)
        else:
            await connection.execute(_ALONE_FOR_TENANT if alone else _FOR_TENANT, {"company_id": self._company_id})

    async def write(self, statement: Executable, values: Values | Sequence[Values] | None = None) -> int:
        """Run a statement once, or for each of a list of values; returns how many rows it changed (once only)."""
        connection = await self.lock()
        with translated():
            return (await connection.execute(statement, values)).rowcount

    async def upsert(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows or replace those with the same key, in one statement for all."""
        if rows:
            await self.write(upsert_statement(table, self.dialect), by_key(table, rows))

    @property
    def plain(self) -> bool:
        """Whether the database keeps times and JSON as texts, so that `upsert_plain` takes its rows."""
        return self.dialect == "sqlite"

    async def upsert_plain(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """As `upsert`, of rows with all columns in their order, times as texts and JSON as bytes: half the work of the other."""
        if rows:
            connection = await self.lock()
            with translated():
                await connection.exec_driver_sql(_plain_upsert(table), sorted(rows, key=lambda row: row[:4]))

    async def close(self) -> None:
        """Give the connections back; what was not committed is undone."""
        reader, writer, self._reader, self.writer = self._reader, self.writer, None, None
        try:
            if reader is not None:
                await reader.close()
        finally:
            if writer is not None:
                await writer.close()

    async def _reading(self) -> AsyncConnection:
        if self._engines.shared:
            return await self.lock()
        if self._reader is None:
            self._reader = await self._engines.reader.connect().start()
        return self._reader


def insert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which both databases spell the same and SQLAlchemy keeps apart."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def upsert_statement(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Insert, or replace every column that is not part of the key. Built once: building costs more than running."""
    statement = insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    if not others:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


@cache
def _plain_upsert(table: Table) -> str:
    """`upsert_statement` for SQLite as text, with a question mark for every column; JSON comes as bytes, and is a text from there on."""
    values = {column.name: bindparam(column.name, type_=LargeBinary if _is_json(column) else None) for column in table.columns}
    texts = {column.name: cast(values[column.name], Text) for column in table.columns if _is_json(column)}
    statement = upsert_statement(table, "sqlite").values(values | texts)
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark")))


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def by_key(table: Table, rows: Iterable[Values]) -> list[Values]:
    """Rows in the order of their keys, in which everybody writes: who locks in another order may wait for others in a circle."""
    keys = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: [row[key] for key in keys])


def batches(ids: Iterable[str], size: int = IDS_AT_ONCE) -> Iterator[list[str]]:
    """Ids without repetition in lists that fit one query."""
    unique = iter(dict.fromkeys(ids))
    while batch := list(islice(unique, size)):
        yield batch

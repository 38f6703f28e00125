"""A connection to SQLite whose statements take one trip to its thread and back, where the driver's own take three or four."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from typing import Any, Final, Self

import aiosqlite

_ROWS: Final = 1_000
"""So many rows come back with the statement; of longer answers the rest is fetched when it is asked for."""


class OneTripConnection(aiosqlite.Connection):
    """aiosqlite opens a cursor, runs it, fetches from it and closes it in a trip each.

    Each trip wakes two threads that share the interpreter's lock, which costs more than the work of a short statement: on a busy
    loop the thread waits 5 ms for the lock, every time (`sys.getswitchinterval`).
    """

    def cursor(self) -> "OneTripCursor":  # type: ignore[override]  # the driver's is a context manager around its own
        """A cursor that is not open before its statement runs."""
        return OneTripCursor(self)

    async def trip(self, work: Any, *arguments: Any) -> Any:
        """Run a function in the connection's thread."""
        return await self._execute(work, *arguments)  # type: ignore[no-untyped-call]  # the driver tells no types here

    @property
    def plain(self) -> sqlite3.Connection:
        """What the thread works on. Raises ValueError where it is closed."""
        return self._conn


class OneTripCursor:
    """One statement: what SQLAlchemy's adapter asks of a cursor, and no more."""

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._rest: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Run a statement; its first rows come along."""
        await self.close()
        await self._connection.trip(self._run, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Run a statement that gives no rows once for each of the parameters."""
        await self.close()
        await self._connection.trip(self._run_many, sql, parameters)
        return self

    async def fetchone(self) -> Any:
        """The next row; None after the last one."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """The next rows."""
        wanted = self.arraysize if size is None else size
        if len(self._rows) < wanted and self._rest is not None:
            self._rows += await self._connection.trip(self._more, self._rest, max(wanted - len(self._rows), _ROWS))
        found, self._rows = self._rows[:wanted], self._rows[wanted:]
        return found

    async def fetchall(self) -> Sequence[Any]:
        """All rows that are left."""
        found, self._rows = self._rows, []
        if self._rest is not None:
            found += await self._connection.trip(self._more, self._rest, None)
        return found

    async def close(self) -> None:
        """Let go of it; without a trip where all rows have been read."""
        self._rows = []
        if self._rest is not None:
            rest, self._rest = self._rest, None
            await self._connection.trip(rest.close)

    def _run(self, sql: str, parameters: Any) -> None:
        with ExitStack() as stack:
            cursor = stack.enter_context(closing(self._connection.plain.cursor()))
            cursor.execute(sql, parameters)
            if cursor.description is not None:
                self._rows = list(islice(cursor, _ROWS))
            self._tell(cursor)
            if len(self._rows) == _ROWS:
                self._rest = cursor
                stack.pop_all()

    def _run_many(self, sql: str, parameters: Any) -> None:
        with closing(self._connection.plain.cursor()) as cursor:
            cursor.executemany(sql, parameters)
            self._tell(cursor)

    def _tell(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid

    def _more(self, cursor: sqlite3.Cursor, size: int | None) -> list[Any]:
        """In the thread: rows, and the end of the cursor where there are no others."""
        rows = list(cursor if size is None else islice(cursor, size))
        if size is None or len(rows) < size:
            self._rest = None
            cursor.close()
        return rows

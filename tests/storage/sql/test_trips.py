"""A statement's rows come with it; of long answers the rest comes when it is asked for."""

import sqlite3
from collections.abc import AsyncIterator
from functools import partial

import pytest

from backend.storage.sql.trips import OneTripConnection

_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n"


@pytest.fixture
async def connection() -> AsyncIterator[OneTripConnection]:
    opened = OneTripConnection(partial(sqlite3.connect, ":memory:"), iter_chunk_size=1)
    await opened
    yield opened
    await opened.close()


@pytest.mark.parametrize("rows", [0, 1, 999, 1_000, 1_001, 2_500])
async def test_all_rows_come_once_and_in_order(connection: OneTripConnection, rows: int) -> None:
    cursor = connection.cursor()
    wanted = [(number,) for number in range(1, max(rows, 1) + 1)] if rows else []
    query, values = (_COUNT, (rows,)) if rows else ("SELECT 1 WHERE 0", ())
    await cursor.execute(query, values)
    assert cursor.description is not None
    assert await cursor.fetchall() == wanted
    await cursor.execute(query, values)
    pieces: list[tuple[int]] = []
    while piece := await cursor.fetchmany(700):
        pieces += piece
    assert pieces == wanted
    assert await cursor.fetchone() is None
    await cursor.close()


async def test_what_is_left_unread_is_let_go_of(connection: OneTripConnection) -> None:
    async with connection.cursor() as cursor:
        await cursor.execute(_COUNT, (5_000,))
        assert await cursor.fetchone() == (1,)
    assert await cursor.fetchall() == []


async def test_what_was_changed_is_told_and_an_error_leaves_nothing_open(connection: OneTripConnection) -> None:
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    assert cursor.description is None
    await cursor.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
    assert cursor.rowcount == 3
    with pytest.raises(sqlite3.IntegrityError):
        await cursor.execute("INSERT INTO t VALUES (?)", (2,))
    await cursor.execute("DELETE FROM t WHERE a > ?", (1,))
    assert cursor.rowcount == 2
    await connection.commit()

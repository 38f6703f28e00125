"""A killed process, a full disk, a database that somebody else holds."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.job import Job
from backend.storage.sql import engine
from backend.storage.sql.schema import metadata
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import doc, tenant


async def forget(_jobs: Sequence[Job]) -> None:
    return None


@pytest.fixture
async def database(url: str) -> AsyncIterator[SqlDatabase]:
    made = SqlDatabase(url, forget)
    async with made.directory() as directory:
        await directory.put_tenant(tenant("acme"))
    yield made
    await made.close()


async def stored(database: SqlDatabase) -> int:
    async with database.open("acme") as work:
        return sum((await work.documents.counts()).values())


_DIE_IN_THE_MIDDLE = """
import asyncio, os, signal, sys
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import doc
async def forget(jobs): pass
async def main():
    database = SqlDatabase(sys.argv[1], forget)
    async with database.open("acme") as work:
        await work.documents.put([doc(n) for n in range(100)])
    async with database.open("acme") as work:
        await work.documents.put([doc(n, text="반쯤" * 2000) for n in range(50, 2000)])
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_a_process_killed_in_a_transaction_leaves_what_was_committed(url: str, database: SqlDatabase) -> None:
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", _DIE_IN_THE_MIDDLE, url], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert await stored(database) == 100
    async with database.open("acme") as work:
        assert await work.documents.get(doc(70).document_id) == doc(70)
        await work.documents.put([doc(100)])
    assert await stored(database) == 101


async def test_a_full_database_is_told_and_works_again_when_there_is_room(database: SqlDatabase) -> None:
    async with database.open("acme") as work:
        await work.documents.put([doc(n) for n in range(20)])
    connection = await database._engines.writer.connect()
    pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    await connection.close()
    with pytest.raises(AppError) as full:
        async with database.open("acme") as work:
            await work.documents.put([doc(n, text="가득" * 500) for n in range(20, 100)])
    assert full.value.code is Code.STORAGE_FULL
    assert "Free some space" in full.value.message
    assert await stored(database) == 20
    connection = await database._engines.writer.connect()
    await connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    await connection.close()
    async with database.open("acme") as work:
        await work.documents.put([doc(n) for n in range(20, 100)])
    assert await stored(database) == 100


_FILL_UP = """
import asyncio, resource, signal, sys
from backend.core.errors import AppError
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import doc
async def forget(jobs): pass
async def main():
    database = SqlDatabase(sys.argv[1], forget)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    told = []
    for n in range(0, 2000, 50):
        try:
            async with database.open("acme") as work:
                await work.documents.put([doc(m, text="가득" * 500) for m in range(n, n + 50)])
        except AppError as error:
            told.append(error.code.value)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    async with database.open("acme") as work:
        await work.documents.put([doc(5000)])
    await database.close()
    print(*sorted(set(told)))
asyncio.run(main())
"""


async def test_a_file_that_can_not_grow_is_a_full_disk(url: str, database: SqlDatabase) -> None:
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", _FILL_UP, url], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("storage_full", "")
    async with database.open("acme") as work:
        assert await work.documents.get(doc(5000).document_id) == doc(5000)
    assert (await stored(database)) % 50 == 1, "every transaction is there whole or not at all"


async def test_a_database_held_by_another_process_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_BUSY_SECONDS", 0)
    database = SqlDatabase(url, forget)
    with closing(sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(AppError) as busy:
            async with database.directory() as directory:
                await directory.put_tenant(tenant("acme"))
        assert busy.value.code is Code.STORAGE_UNAVAILABLE
        async with database.directory() as directory:
            assert await directory.list_tenants() == [], "reading goes on"
    async with database.directory() as directory:
        await directory.put_tenant(tenant("acme"))
    await database.close()


async def test_a_database_that_can_not_be_opened_is_told(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/none/a.db", forget)
    # Other tests of this process may still be letting go of theirs.
    before = set(threading.enumerate())
    with pytest.raises(AppError) as away:
        await database.ping()
    assert away.value.code is Code.STORAGE_UNAVAILABLE
    after = set(threading.enumerate()) - before
    assert not [thread for thread in after if "_connection_worker_thread" in thread.name], "no thread is left behind"
    await database.close()


async def test_a_bug_is_not_taken_for_an_outage(url: str, database: SqlDatabase) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"))) as connection:
        connection.execute("DROP TABLE answers")
    with pytest.raises(Exception, match="no such table"):
        async with database.open("acme") as work:
            await work.feedback.get_answer("x")


async def test_connections_are_set_up_for_readers_beside_a_writer(database: SqlDatabase) -> None:
    async def asked(which: str, pragma: str) -> object:
        async with getattr(database._engines, which).connect() as connection:
            return (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one()

    assert await asked("writer", "journal_mode") == "wal"
    assert await asked("writer", "synchronous") == 1
    assert await asked("writer", "foreign_keys") == 1
    assert await asked("reader", "query_only") == 1
    assert await asked("writer", "busy_timeout") == await asked("reader", "busy_timeout") == 15_000


async def test_one_connection_for_reading_and_writing_works_the_same() -> None:
    """As with PostgreSQL, which keeps writers apart by itself."""
    database = SqlDatabase("sqlite+aiosqlite://", forget)
    assert database._engines.shared
    async with database._engines.writer.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with database.directory() as directory:
        await directory.put_tenant(tenant("acme"))
    async with database.open("acme") as work:
        assert await work.documents.get(doc(1).document_id) is None
        await work.documents.put([doc(1)])
        assert await work.documents.get(doc(1).document_id) == doc(1)
    assert await stored(database) == 1
    await database.ping()
    await database.close()

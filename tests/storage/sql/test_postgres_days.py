"""What only PostgreSQL does: refuse a null character, break ties between writers, lose connections in the middle."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from msgspec.structs import replace

from backend.core.errors import AppError, Code
from backend.core.model.document import DocState
from backend.core.model.job import Job
from backend.storage.sql import postgres as module
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import START, doc, run, tenant
from tests.support.postgres import PostgresDatabase

_OURS = "FROM pg_stat_activity WHERE usename = 'desklore_test_app' AND datname = current_database()"
"""Sessions of this process: other ones of the same run use other databases."""


async def forget(_jobs: Sequence[Job]) -> None:
    return None


@pytest.fixture
async def database(postgres: PostgresDatabase) -> AsyncIterator[SqlDatabase]:
    made = SqlDatabase(postgres.url, forget, pool_size=4)
    async with made.directory() as directory:
        await directory.put_tenant(tenant("acme"))
    yield made
    await asyncio.wait_for(made.close(), 20)


def test_only_null_characters_are_taken_out_of_json() -> None:
    assert module.json_without_nul(r'{"a":"\u0000b"}') == r'{"a":"\ufffdb"}'
    assert module.json_without_nul(r'{"a":"\\u0000"}') == r'{"a":"\\u0000"}', "that is a backslash and five letters"
    assert module.json_without_nul(r'{"a":"\\\u0000"}') == r'{"a":"\\\ufffd"}'


async def test_a_null_character_is_replaced(database: SqlDatabase) -> None:
    hostile = doc(1, title="결제\0오류", text="널\0문자 and \\u0000 as letters", tags=("a\0b",))
    async with database.open("acme") as work:
        await work.documents.put([hostile, doc(2)])
    async with database.open("acme") as work:
        stored = await work.documents.get(hostile.document_id)
    assert stored is not None
    assert (stored.title, stored.tags) == ("결제\ufffd오류", ("a\ufffdb",))
    assert stored.parts[0].text == "널\ufffd문자 and \\u0000 as letters"


async def test_two_workers_never_claim_the_same_document(database: SqlDatabase) -> None:
    async with database.open("acme") as work:
        await work.documents.put([doc(number) for number in range(60)])
    claimed: list[str] = []

    async def work_on() -> None:
        while True:
            async with database.open("acme") as work:
                mine = await work.documents.claim(7, START)
                await asyncio.sleep(0.002)
            if not mine:
                return
            claimed.extend(each.document_id for each in mine)
            async with database.open("acme") as work:
                assert await work.documents.finish([replace(each, state=DocState.INDEXED) for each in mine]) == len(mine)

    await asyncio.gather(*(work_on() for _ in range(4)))
    assert len(claimed) == len(set(claimed)) == 60


async def test_two_processes_that_write_one_tenant_take_turns(database: SqlDatabase, postgres: PostgresDatabase) -> None:
    other = SqlDatabase(postgres.url, forget, pool_size=4)
    async with database.open("acme") as work:
        await work.sync.put_run(run("run_1"))

    async def count_one(mine: SqlDatabase) -> None:
        async with mine.open("acme", write=True) as work:
            seen = await work.sync.get_run("run_1")
            assert seen is not None
            await asyncio.sleep(0.001)
            seen.counts.listed += 1
            await work.sync.put_run(seen)

    await asyncio.gather(*(count_one((database, other)[number % 2]) for number in range(20)))
    async with database.open("acme") as work:
        stored = await work.sync.get_run("run_1")
    assert stored is not None
    assert stored.counts.listed == run("run_1").counts.listed + 20
    await other.close()


async def test_writers_that_wait_for_their_turn_hold_no_connection(postgres: PostgresDatabase) -> None:
    small = SqlDatabase(postgres.url, forget, pool_size=2)
    async with small.directory() as directory:
        await directory.put_tenant(tenant("acme"))
        await directory.put_tenant(tenant("other"))

    async def write(number: int) -> None:
        async with small.open("acme", write=True) as work:
            await work.documents.put([doc(number)])

    async with small.open("acme", write=True):
        waiting = [asyncio.create_task(write(number)) for number in range(10)]
        await asyncio.sleep(0.02)
        async with asyncio.timeout(10), small.open("other", write=True) as work:
            await work.documents.put([doc(1, company="other")])
        waiting[3].cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(each is None for each in ended) == 9
    await small.close()


async def test_writers_of_the_same_documents_in_any_order_do_not_stop_each_other(database: SqlDatabase) -> None:
    documents = [doc(number) for number in range(40)]

    async def write(seed: int) -> None:
        mine = list(documents)
        random.Random(seed).shuffle(mine)
        async with database.open("acme") as work:
            await work.documents.put(mine)
            await asyncio.sleep(0.001)
            await work.documents.touch({each.document_id: f"v{seed}" for each in mine})

    await asyncio.gather(*(write(seed) for seed in range(12)))
    async with database.open("acme") as work:
        assert (await work.documents.counts())[DocState.PENDING] == 40


async def test_a_deadlock_is_told_as_what_passes(database: SqlDatabase) -> None:
    async with database.open("acme") as work:
        await work.documents.put([doc(1), doc(2)])
    both = asyncio.Barrier(2)

    async def write(first: int, second: int) -> None:
        async with database.open("acme") as work:
            await work.documents.touch({doc(first).document_id: "v2"})
            await both.wait()
            await work.documents.touch({doc(second).document_id: "v2"})

    ended = await asyncio.gather(write(1, 2), write(2, 1), return_exceptions=True)
    (refused,) = [error for error in ended if error is not None]
    assert isinstance(refused, AppError)
    assert refused.code is Code.STORAGE_UNAVAILABLE
    assert refused.retry_after


async def test_tasks_canceled_anywhere_leave_no_connection_behind(database: SqlDatabase, postgres: PostgresDatabase) -> None:
    async def write(number: int) -> None:
        async with database.open("acme", write=number % 3 == 0) as work:
            await work.documents.put([doc(number)])
            await work.documents.counts()

    # With fresh connections too: one may be canceled while it connects.
    for round_ in range(6):
        await database._engines.dispose()
        tasks = [asyncio.create_task(write(number)) for number in range(12)]
        for task in tasks:
            await asyncio.sleep(0.0007 * round_)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(20):
        await asyncio.gather(*(write(number) for number in range(8)))
    await database.close()
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        async with asyncio.timeout(20):
            query = f"SELECT count(*) {_OURS}"
            while await connection.fetchval(query):
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def end_sessions(postgres: PostgresDatabase) -> None:
    """As a restart or a fail-over would."""
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        await connection.execute(f"SELECT pg_terminate_backend(pid, 10000) {_OURS}")
    finally:
        await connection.close()


@pytest.mark.parametrize("asked", [False, True])
async def test_a_connection_the_server_closed_is_replaced(
    database: SqlDatabase, postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    """The driver heard of it, or (`asked`) the connection lay idle for so long that it is asked for a sign of life."""
    await asyncio.gather(*(database.ping() for _ in range(4)))
    if asked:
        monkeypatch.setattr(module, "_IDLE_SECONDS", -1.0)
    await end_sessions(postgres)
    async with database.open("acme") as work:
        await work.documents.put([doc(1)])


async def test_a_connection_that_broke_in_a_transaction_is_told_and_replaced(database: SqlDatabase, postgres: PostgresDatabase) -> None:
    async def break_it() -> None:
        async with database.open("acme") as work:
            await work.documents.put([doc(1)])
            await end_sessions(postgres)
            await work.documents.put([doc(2)])

    with pytest.raises(AppError) as broken:
        await break_it()
    assert broken.value.code is Code.STORAGE_UNAVAILABLE
    assert broken.value.retry_after
    async with database.open("acme") as work:
        assert sum((await work.documents.counts()).values()) == 0, "what was not committed is undone"


async def test_a_full_pool_is_told(postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    crowded = SqlDatabase(postgres.url, forget, pool_size=1)
    crowded._engines.writer.sync_engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # the pool's own: no setting is as short
    async with crowded.directory() as directory:
        await directory.list_tenants()
        with pytest.raises(AppError) as busy:
            await crowded.ping()
    assert busy.value.code is Code.STORAGE_UNAVAILABLE
    await crowded.ping()
    await crowded.close()


def elsewhere(url: str, wrong: str) -> str:
    """The address with one part of it wrong."""
    parts = urlsplit(url)
    if wrong == "role":
        return urlunsplit(parts._replace(netloc=parts.netloc.replace("desklore_test_app", "nobody_here")))
    if wrong == "database":
        return urlunsplit(parts._replace(path="/no_such_database"))
    return f"postgresql://app:only-for-tests@{wrong}/desklore"


@pytest.mark.parametrize(
    ("wrong", "told"), [("role", "name or the password"), ("database", "no such database"), ("host", "can't be reached")]
)
async def test_a_wrong_address_is_told_without_its_password(postgres: PostgresDatabase, wrong: str, told: str) -> None:
    database = SqlDatabase(elsewhere(postgres.url, wrong), forget)
    with pytest.raises(AppError) as refused:
        await database.ping()
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert told in refused.value.message
    assert "only-for-tests" not in str(refused.value)
    await database.close()

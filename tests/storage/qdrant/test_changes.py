"""Processes on one index server: each hears at once of what another one wrote, switched or could not finish."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.job import Job
from backend.core.model.search import Makers
from backend.storage.qdrant.changes import MarkedChanges
from backend.storage.qdrant.choose import connect
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.sql.engine import upgrade
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import tenant
from tests.contract.vectors import MAKERS, OTHERS, doc, points_of
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path / 'desklore.db'}"
    upgrade(url)
    return url


@asynccontextmanager
async def process(url: str, server: str, makers: Makers = MAKERS) -> AsyncIterator[ClientIndexes]:
    """What one process has of its own: connections to the database and to the index."""

    async def forget(_jobs: Sequence[Job]) -> None:
        return None

    database = SqlDatabase(url, forget)
    async with database.directory() as directory:
        for company in ("acme", "other"):
            await directory.put_tenant(tenant(company))
    indexes = ClientIndexes(partial(connect, server, KEY), makers, changes=MarkedChanges(database))
    yield indexes
    await indexes.close()
    await database.close()


async def version(indexes: ClientIndexes, company_id: str = "acme") -> str:
    return await (await indexes.open(company_id)).version()


async def test_a_write_is_seen_by_the_other_at_once_and_by_nobody_else(database_url: str) -> None:
    async with doubled() as (server, _), process(database_url, server) as here, process(database_url, server) as there:
        seen = {await version(there)}
        other = await version(there, "other")
        index = await here.open("acme")
        writes: list[Callable[[], Awaitable[None]]] = [
            partial(index.replace, [doc(1)], points_of(1, random.Random(1))),
            partial(index.delete, [doc(1)]),
            partial(here.switch, "acme"),
        ]
        for write in writes:
            await write()
            told = await version(there)
            assert told not in seen
            assert told == await version(here), "both keep results under the same name"
            seen.add(told)
        assert await version(there) == told, "without a change it stays"
        assert await version(there, "other") == other


async def test_a_switch_to_other_makers_is_seen_at_once(database_url: str) -> None:
    async with (
        doubled() as (server, _),
        process(database_url, server) as here,
        process(database_url, server, OTHERS) as newer,
    ):
        await (await here.open("acme")).replace([doc(1)], points_of(1, random.Random(1)))
        before = await version(here)
        await newer.switch("acme")
        assert await version(here) != before
        assert (await here.open("acme")).makers == OTHERS


async def test_a_write_that_failed_half_way_is_told_too(database_url: str) -> None:
    async with doubled() as (server, double), process(database_url, server) as here, process(database_url, server) as there:
        index, reader = await here.open("acme"), await there.open("acme")
        before = await reader.version()
        double.fail_with = 503
        with pytest.raises(AppError) as failed:
            await index.replace([doc(1)], points_of(1, random.Random(1)))
        assert failed.value.code is Code.INDEX_UNAVAILABLE
        assert await reader.version() != before


async def test_a_late_write_for_a_tenant_that_is_gone_leaves_no_mark(database_url: str) -> None:
    async def forget(_jobs: Sequence[Job]) -> None:
        return None

    async with doubled() as (server, _), process(database_url, server) as here:
        index = await here.open("acme")
        database = SqlDatabase(database_url, forget)
        async with database.directory() as directory:
            await directory.delete_tenant("acme")
        await index.replace([doc(1)], points_of(1, random.Random(1)))
        async with database.directory() as directory:
            assert await directory.count_left("acme") == {}
        await here.drop("acme")
        await database.close()

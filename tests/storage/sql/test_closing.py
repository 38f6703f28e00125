"""Whoever is canceled, and however often, gives the connection back; closing waits for what is under way."""

import asyncio
import gc
import random
import warnings
from pathlib import Path

import pytest

from backend.core.errors import AppError, Code
from backend.storage.sql.engine import upgrade
from backend.storage.sql.unit_of_work import SqlDatabase


async def _nothing(_jobs: object) -> None:
    pass


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite+aiosqlite:///{tmp_path / 'd.db'}"
    upgrade(address)
    return address


async def _write(database: SqlDatabase, hold: float) -> None:
    async with database.open("acme", write=True) as uow:
        await uow.sync.list_runs()
        await asyncio.sleep(hold)


async def test_a_task_that_is_canceled_many_times_frees_the_writer(url: str) -> None:
    database = SqlDatabase(url, _nothing)
    chance = random.Random(1)
    for _ in range(60):
        tasks = [asyncio.create_task(_write(database, chance.random() / 500)) for _ in range(3)]
        for _ in range(4):
            await asyncio.sleep(chance.random() / 500)
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(_write(database, 0), 5)
    await database.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()


async def test_closing_lets_a_transaction_end_and_takes_no_more(url: str) -> None:
    database = SqlDatabase(url, _nothing)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        async with database.open("acme", write=True) as uow:
            begun.set()
            await go_on.wait()
            await uow.sync.list_runs()

    task = asyncio.create_task(late())
    await begun.wait()
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    with pytest.raises(AppError) as refused:
        await _write(database, 0)
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert not closing.done()
    go_on.set()
    await task
    await closing

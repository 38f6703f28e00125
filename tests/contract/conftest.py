"""Every implementation of the record stores, one after the other."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from backend.core.model.job import Job
from backend.storage.sql.engine import upgrade
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import Records

Factory = Callable[[Path, Path], Awaitable[tuple[Records, Callable[[], Awaitable[None]]]]]


async def _sqlite(folder: Path, template: Path) -> tuple[Records, Callable[[], Awaitable[None]]]:
    """SQLite in a file; the tables were made once and are copied."""
    path = folder / "desklore.db"
    shutil.copy(template, path)
    url = f"sqlite+aiosqlite:///{path}"
    sent: list[Job] = []

    async def send(jobs: Sequence[Job]) -> None:
        sent.extend(jobs)

    database = SqlDatabase(url, send)
    return Records(database, sent, url), database.close


STORES: dict[str, Factory] = {"sqlite": _sqlite}


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows, made by the migrations."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(params=STORES)
async def records(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path) -> AsyncIterator[Records]:
    """A database with the tenants `acme` and `other`."""
    made, close = await STORES[request.param](tmp_path, empty_sqlite)
    await made.add_tenants("acme", "other")
    yield made
    # Closing waits for threads of the driver; one that hangs shall fail the test, not the run.
    await asyncio.wait_for(close(), 10)

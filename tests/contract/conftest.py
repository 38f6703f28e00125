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
from tests.support.postgres import SharedPostgres

Factory = Callable[[pytest.FixtureRequest, Path], Awaitable[str]]


async def _sqlite(request: pytest.FixtureRequest, folder: Path) -> str:
    """SQLite in a file; the tables were made once and are copied."""
    path = folder / "desklore.db"
    shutil.copy(request.getfixturevalue("empty_sqlite"), path)
    return f"sqlite+aiosqlite:///{path}"


async def _postgresql(request: pytest.FixtureRequest, _folder: Path) -> str:
    """PostgreSQL, as the application's role, with row-level security."""
    server: SharedPostgres = request.getfixturevalue("postgres_server")
    await server.database.empty()
    return server.database.url


STORES: dict[str, Factory] = {"sqlite": _sqlite, "postgresql": _postgresql}


def _made(url: str) -> tuple[Records, Callable[[], Awaitable[None]]]:
    sent: list[Job] = []

    async def send(jobs: Sequence[Job]) -> None:
        sent.extend(jobs)

    database = SqlDatabase(url, send)
    return Records(database, sent, url), database.close


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no rows, made by the migrations."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(params=STORES)
async def records(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path) -> AsyncIterator[Records]:
    """A database with the tenants `acme` and `other`. The template is made by a fixture, since migrations can't run inside a loop."""
    made, close = _made(await STORES[request.param](request, tmp_path))
    await made.add_tenants("acme", "other")
    yield made
    # Closing waits for threads of the driver; one that hangs shall fail the test, not the run.
    await asyncio.wait_for(close(), 10)

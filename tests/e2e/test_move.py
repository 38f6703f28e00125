"""A live installation moves from files to PostgreSQL: interrupted twice, verified, vectors used again (Shows 5)."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from backend.cli.moving import move
from backend.settings import Settings, StorageType
from backend.storage.moving.progress import Tell, silent
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_backup import KEYS, answers
from tests.e2e.test_postgres import different, on
from tests.e2e.trip import running_trip
from tests.support.postgres import PostgresDatabase

FILE, POSTGRESQL = StorageType.FILE, StorageType.POSTGRESQL


class StopHereError(Exception):
    """What an interruption looks like."""


def stopping_after(rows: int) -> Tell:
    def tell(_what: str, done: int, _total: int) -> None:
        if done >= rows:
            raise StopHereError

    return tell


async def test_from_files_to_postgresql_while_it_runs(tmp_path: Path, postgres: PostgresDatabase) -> None:
    data = tmp_path / "data"
    target: dict[str, Any] = KEYS | on(postgres)
    settings = Settings(_env_file=None, data_dir=data, **target)
    async with running_sandbox(SandboxOptions(tickets=15)) as sandbox, running_trip(data, **KEYS) as trip:
        acme = await trip.onboard("acme")
        await acme.connect(sandbox)
        for rows in (20, 60):
            await acme.sync()
            with pytest.raises(StopHereError):
                await move(settings, FILE, POSTGRESQL, replace=False, tell=stopping_after(rows))
        await trip.settle("acme")
        assert (await move(settings, FILE, POSTGRESQL, replace=False, tell=silent)).in_use
        before = await answers(acme)
    done = await move(settings, FILE, POSTGRESQL, replace=False, tell=silent)
    assert (done.in_use, done.rows.same, done.files.missing, done.files.changed) == (False, True, 0, 0)
    assert done.files.checked > 0
    assert b'"usage"' in msgspec.json.encode(done), "what the command prints with --json"
    async with running_trip(data, **target) as trip:
        async with trip.runtime.services.database.directory() as directory:
            assert await directory.unfinished() == [], "the index was found whole, so nothing has to be made anew"
        again = trip.tenant("acme", acme.api_key)
        assert different(before["answers"], (await answers(again))["answers"]) == []

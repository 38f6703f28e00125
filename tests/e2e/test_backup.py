"""Backup while syncs run, destroy everything, restore: the same answers and the same counts (Shows 6)."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.cli.moving import make_backup, put_back
from backend.settings import Settings
from backend.storage.moving.progress import silent
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.test_postgres import QUESTIONS, different, lasting, on
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.support.postgres import PostgresDatabase

KEYS: dict[str, Any] = {
    "operator_key": "operator-of-the-tests-0123456789",
    "master_keys": "2026:bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=",
    "jwt_secret": "j" * 40,
    "key_pepper": "p" * 40,
}
"""What a backup does not hold: the operator keeps it elsewhere."""


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with running_sandbox(SandboxOptions(tickets=15)) as server:
        yield server


STORAGES = [("file", "file"), ("postgresql", "postgresql"), ("file", "postgresql"), ("postgresql", "file")]


def settings_for(storage: str, database: PostgresDatabase) -> dict[str, Any]:
    return KEYS if storage == "file" else KEYS | on(database)


async def answers(tenant: Tenant) -> dict[str, Any]:
    """What a tenant is told, which a restore must not change."""
    usage = await tenant.get("/usage")
    return {
        "answers": [lasting(await tenant.ask(question)) for question in QUESTIONS],
        "documents": sorted(each["document_id"] for each in (await tenant.get("/documents", limit=100))["items"]),
        "usage": usage,
    }


async def calls(trip: Trip, company: str) -> int:
    async with trip.runtime.services.database.open(company) as uow:
        counted = await uow.documents.counts()
    return sum(counted.values())


@pytest.mark.parametrize(("source", "target"), STORAGES)
async def test_backup_destroy_restore(tmp_path: Path, sandbox: SandboxServer, postgres: PostgresDatabase, source: str, target: str) -> None:
    data, archive = tmp_path / "data", tmp_path / "backup.tar"
    before: dict[str, Any] = {}
    async with running_trip(data, **settings_for(source, postgres)) as trip:
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        for tenant in (acme, bravo):
            await tenant.connect(sandbox)
        await acme.sync()
        await trip.settle("acme")
        before["acme"] = await answers(acme)
        count = await calls(trip, "acme")
        # One more sync is under way while the backup is made.
        run = await bravo.post("/ingest", {"connection_id": bravo.connection_id})
        made = await make_backup(_settings(data, source, postgres), archive, company=None, tell=silent)
        await bravo.wait(run["run_id"])
        await trip.settle("bravo")
        before["bravo"] = await answers(bravo)
    assert made.manifest.companies["acme"].missing_files == 0
    assert made.manifest.companies["acme"].rows["documents"] == count
    assert archive.stat().st_mode & 0o077 == 0
    shutil.rmtree(data)
    await postgres.empty()

    restored = await put_back(_settings(data, target, postgres), archive, replace=False, tell=silent)
    assert (restored.erased, restored.locked) == ([], [])
    async with running_trip(data, **settings_for(target, postgres)) as trip:
        for company, old in (("acme", acme), ("bravo", bravo)):
            again = trip.tenant(company, old.api_key)
            again.connection_id = old.connection_id
            if company == "bravo":
                # What was under way when the backup was made goes on, or is asked for again.
                await again.wait(run["run_id"]) if await _knows(again, run["run_id"]) else await again.sync()
            await trip.settle(company)
            after = await answers(again)
            assert different(before[company]["answers"], after["answers"]) == []
            assert before[company]["documents"] == after["documents"]
            if company == "acme":
                # Nothing was paid for again but the questions themselves.
                assert _of_documents(before[company]["usage"]) == _of_documents(after["usage"])
        assert await calls(trip, "acme") == count


def _settings(data: Path, storage: str, database: PostgresDatabase) -> Settings:
    return Settings(_env_file=None, data_dir=data, connector_host_allowlist="127.0.0.1", **settings_for(storage, database))


async def _knows(tenant: Tenant, run_id: str) -> bool:
    return bool((await tenant.client.get(f"/api/v1/runs/{run_id}")).is_success)


def _of_documents(usage: dict[str, Any]) -> list[Any]:
    return [row for row in usage["items"] if row["purpose"] in ("summary", "embed_document")]

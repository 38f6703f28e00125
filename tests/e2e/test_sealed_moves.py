"""Backup, restore and erasure while the embedded index moves its points into files: nothing is lost, nothing is left."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from backend.cli.moving import make_backup, put_back
from backend.settings import Settings
from backend.storage.moving.progress import silent
from backend.storage.qdrant.edge import EdgeIndexes
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_backup import KEYS, answers
from tests.e2e.test_postgres import different
from tests.e2e.trip import Tenant, Trip, running_trip


async def _written_again(trip: Trip, company: str) -> None:
    """All of a company's points once more, as they are, and so many at once that they are sealed."""
    indexes = trip.runtime.services.indexes
    assert isinstance(indexes, EdgeIndexes)
    indexes.shards.seal_at = 20
    index = await indexes.open(company)
    documents = await index.documents()
    await index.replace(documents, await index.whole(documents))


def _generations(data: Path, company: str) -> list[str]:
    return sorted(path.name.rpartition("-")[2] for path in (data / "index" / company).iterdir() if path.is_dir())


async def _while_it_is_sealed(data: Path, sealing: "asyncio.Task[None]") -> None:
    """Until a copy is being made, or is made."""
    async with asyncio.timeout(60):
        while not sealing.done() and not any((data / "index" / "acme").glob("*.sealing-*")):
            await asyncio.sleep(0.005)


def _again(trip: Trip, old: Tenant) -> Tenant:
    tenant = trip.tenant(old.company_id, old.api_key)
    tenant.connection_id = old.connection_id
    return tenant


async def _restored(data: Path, archive: Path, old: Tenant, before: dict[str, Any], *, replace: bool) -> None:
    await put_back(_settings(data), archive, replace=replace, tell=silent)
    async with running_trip(data, **KEYS) as trip:
        await trip.settle("acme")
        after = await answers(_again(trip, old))
    assert different(before["answers"], after["answers"]) == []
    assert before["documents"] == after["documents"]


def _settings(data: Path) -> Settings:
    return Settings(_env_file=None, data_dir=data, connector_host_allowlist="127.0.0.1", **KEYS)


async def test_a_backup_and_an_erasure_while_the_index_is_sealed(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "backup.tar"
    async with running_sandbox(SandboxOptions(tickets=15)) as sandbox:
        async with running_trip(data, **KEYS) as trip:
            acme = await trip.onboard("acme")
            await acme.connect(sandbox)
            await acme.sync()
            await trip.settle("acme")
            before = await answers(acme)
            sealing = asyncio.create_task(_written_again(trip, "acme"))
            await _while_it_is_sealed(data, sealing)
            await make_backup(_settings(data), archive, company=None, tell=silent)
            await sealing
            [sealed] = _generations(data, "acme")
            assert sealed.endswith(".g1")
            assert different(before["answers"], (await answers(acme))["answers"]) == []
        # A copy of the folder as a killed process leaves it: sealed, and another copy begun.
        shutil.copytree(data, tmp_path / "copy")
        [folder] = [path for path in (tmp_path / "copy" / "index" / "acme").iterdir() if path.is_dir()]
        shutil.copytree(folder, folder.with_name(folder.name.replace(".g1", ".sealing-1")))
        await _restored(tmp_path / "elsewhere", archive, acme, before, replace=False)
        await _restored(tmp_path / "copy", archive, acme, before, replace=True)
        assert [name.rpartition(".")[2] for name in _generations(tmp_path / "copy", "acme") if ".g" in name or "sealing" in name] == []
        async with running_trip(data, **KEYS) as trip:
            sealing = asyncio.create_task(_written_again(trip, "acme"))
            await _while_it_is_sealed(data, sealing)
            operator = {"Authorization": f"Bearer {KEYS['operator_key']}"}
            erased = await trip.anonymous.delete("/api/v1/tenants/acme", headers=operator)
            assert erased.status_code == 200, erased.text
            await sealing
            assert not (data / "index" / "acme").exists()
        assert not (data / "index" / "acme").exists()

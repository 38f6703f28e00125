"""Not a test but a longer trial: `python -m tests.e2e.many_documents_move 5000`, a live installation moved to PostgreSQL (Shows 5).

So many Documents in a folder, while questions are asked and the next sync runs; `desklore storage migrate` is killed twice, each time
with a part of the rows there, given again while all goes on, and a last time once Desklore has stopped. Prints whether both databases
hold the same, whether the answers are the same, and what the move took.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from backend.core.model.document import DocState
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_backup import KEYS, answers
from tests.e2e.test_postgres import different, on
from tests.e2e.trip import Tenant, Trip, running_trip
from tests.e2e.workers import ROOT
from tests.support.postgres import PostgresDatabase, database_at, make_database, running_cluster

COMMAND = [sys.executable, "-m", "backend.cli", "storage", "migrate", "--from", "file", "--to", "postgresql", "--json"]
INSTALLATION: dict[str, Any] = {**KEYS, "attachment_max_bytes": 2_000}
"""Small files come along; recognizing words in thousands of pictures would take longer than all the rest."""
PARTS = (0.3, 0.7)
"""At these shares of the Documents it is killed."""


def _environment(data: Path, database: PostgresDatabase) -> dict[str, str]:
    settings = {**KEYS, "data_dir": str(data), "database_url": database.url, "database_migration_url": database.owner_url}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    return kept | {f"DESKLORE_{name.upper()}": str(value) for name, value in settings.items()}


async def _there(database: PostgresDatabase) -> int:
    """How many Documents the target has."""
    connection = await asyncpg.connect(database.admin_url)
    try:
        if await connection.fetchval("SELECT to_regclass('documents')") is None:
            return 0
        return int(await connection.fetchval("SELECT count(*) FROM documents"))
    finally:
        await connection.close()


async def _killed_at(wanted: int, environment: dict[str, str], database: PostgresDatabase) -> int:
    """Begin to move, and kill it once so many Documents are there; how many were."""
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while (found := await _there(database)) < wanted:
            if process.poll() is not None:
                raise SystemExit(f"it ended by itself with {process.returncode}, at {found} Documents")
            await asyncio.sleep(0.02)
        process.kill()
    return found


async def _moved(environment: dict[str, str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(*COMMAND, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    told: dict[str, Any] = json.loads(out)
    return told | {"code": process.returncode}


async def synced(trip: Trip, tenant: Tenant, **options: Any) -> None:
    """Sync, and wait until all Documents and their pictures are done."""
    run = await tenant.post("/ingest", {"connection_id": tenant.connection_id, **options})
    while (run := await tenant.get(f"/runs/{run['run_id']}"))["state"] not in ("completed", "failed", "canceled"):
        await asyncio.sleep(0.5)
    assert run["state"] == "completed", run
    while await _left(trip, tenant):
        await asyncio.sleep(0.5)


async def _left(trip: Trip, tenant: Tenant) -> bool:
    """Whether pictures are still to be read, or Documents to be processed."""
    async with trip.runtime.services.database.open(tenant.company_id) as uow:
        states = await uow.documents.counts()
        return bool(await uow.attachments.waiting(1) or states.get(DocState.PENDING) or states.get(DocState.PROCESSING))


async def _asking(tenant: Tenant) -> int:
    """Ask until canceled; how often."""
    asked = 0
    try:
        while True:
            await tenant.ask("비밀번호 재설정 메일이 오지 않아요")
            asked += 1
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return asked


async def main(tickets: int) -> dict[str, Any]:
    """Fill, move, kill, move, compare."""
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        await make_database(cluster.admin_url, "desklore")
        return await _tried(tickets, Path(folder) / "data", database_at(cluster.admin_url, "desklore"))


async def _tried(tickets: int, data: Path, database: PostgresDatabase) -> dict[str, Any]:
    environment = _environment(data, database)
    figures: dict[str, Any] = {}
    async with running_sandbox(SandboxOptions(tickets=tickets)) as sandbox, running_trip(data, **INSTALLATION) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await synced(trip, tenant)
        async with trip.runtime.services.database.open("acme") as uow:
            documents = sum((await uow.documents.counts()).values())
        asking = asyncio.create_task(_asking(tenant))
        syncing = asyncio.create_task(synced(trip, tenant, mode="refresh"))
        figures["killed_at"] = [await _killed_at(int(documents * part), environment, database) for part in PARTS]
        began = time.monotonic()
        alive = await _moved(environment)
        figures |= {"while_in_use_s": round(time.monotonic() - began, 1), "told_in_use": alive["in_use"]}
        await syncing
        asking.cancel()
        figures["questions_meanwhile"] = await asking
        before = await answers(tenant)
    began = time.monotonic()
    last = await _moved(environment)
    figures |= {"last_move_s": round(time.monotonic() - began, 1), "last_move_wrote": last["rows"]["written"], "code": last["code"]}
    checks = last["rows"]["checks"]
    figures["rows"] = sum(check["rows"] for check in checks)
    figures["same_rows"] = all(check["sha256"] == check["target_sha256"] for check in checks)
    figures["files"] = last["files"]
    async with running_trip(data, **INSTALLATION, **on(database)) as trip:
        async with trip.runtime.services.database.directory() as directory:
            figures["left_to_do"] = len(await directory.unfinished())
        after = await answers(trip.tenant("acme", tenant.api_key))
    figures["different_answers"] = different(before["answers"], after["answers"])
    return {"documents": documents, **figures}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))))  # noqa: T201 - what it found is its output

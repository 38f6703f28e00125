"""Not a test but a rehearsal: `python -m tests.e2e.many_documents_backup 20000 [postgresql]`, a backup at size and the way back.

So many tickets are synced; a backup is made by the command while questions are asked; everything is destroyed; the backup is restored by
the command, and Desklore started over it. Prints how long each took, the size, and whether the answers are the same.
"""

import asyncio
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.many_documents_move import INSTALLATION, synced
from tests.e2e.test_backup import KEYS, answers
from tests.e2e.test_postgres import different, on
from tests.e2e.trip import Tenant, running_trip
from tests.e2e.workers import ROOT
from tests.support.postgres import PostgresDatabase, database_at, make_database, running_cluster

QUESTION = "비밀번호 재설정 메일이 오지 않아요"


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKLORE_")}
    return kept | {f"DESKLORE_{name.upper()}": str(value) for name, value in settings.items()}


async def _run(settings: dict[str, Any], *words: str) -> tuple[dict[str, Any], float]:
    """What a command tells, and how many seconds it took."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backend.cli", *words, "--json", cwd=ROOT, env=_environment(settings), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}: {out.decode()}")
    told: dict[str, Any] = json.loads(out)
    return told, round(time.monotonic() - began, 1)


async def _asking(tenant: Tenant) -> float:
    """Ask until canceled; the longest time to an answer, in seconds."""
    longest = 0.0
    try:
        while True:
            began = time.monotonic()
            await tenant.ask(QUESTION)
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return round(longest, 2)


@contextmanager
def _database(kind: str) -> Iterator[PostgresDatabase | None]:
    if kind != "postgresql":
        yield None
        return
    with running_cluster() as cluster:
        asyncio.run(make_database(cluster.admin_url, "desklore"))
        yield database_at(cluster.admin_url, "desklore")


async def _rehearse(tickets: int, folder: Path, database: PostgresDatabase | None) -> dict[str, Any]:
    """Fill, back up, destroy, restore, ask again."""
    data, archive = folder / "data", folder / "backup.tar"
    stored = on(database) if database is not None else {}
    settings = {**KEYS, **stored, "data_dir": data}
    async with running_sandbox(SandboxOptions(tickets=tickets)) as sandbox, running_trip(data, **INSTALLATION, **stored) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await synced(trip, tenant)
        before = await answers(tenant)
        asking = asyncio.create_task(_asking(tenant))
        made, backup_s = await _run(settings, "backup", str(archive))
        asking.cancel()
        longest = await asking
    shutil.rmtree(data)
    if database is not None:
        await database.empty()
    began = time.monotonic()
    _, restore_s = await _run(settings, "restore", str(archive))
    async with running_trip(data, **INSTALLATION, **stored) as trip:
        acme = trip.tenant("acme", tenant.api_key)
        await acme.ask(QUESTION)
        first_answer_s = round(time.monotonic() - began, 1)
        await trip.settle("acme")
        whole_s = round(time.monotonic() - began, 1)
        after = await answers(acme)
    return {
        "rows": made["manifest"]["companies"]["acme"]["rows"],
        "files": made["manifest"]["companies"]["acme"]["files"],
        "bytes": made["bytes"],
        "backup_s": backup_s,
        "longest_answer_meanwhile_s": longest,
        "restore_s": restore_s,
        "first_answer_s": first_answer_s,
        "index_whole_s": whole_s,
        "different_answers": different(before["answers"], after["answers"]),
        "same_documents": before["documents"] == after["documents"],
        "peak_mb_of_a_command": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


def main(tickets: int, kind: str) -> dict[str, Any]:
    """The whole rehearsal, in a folder that is gone afterwards."""
    with _database(kind) as database, tempfile.TemporaryDirectory() as folder:
        return {"tickets": tickets, "storage": kind, **asyncio.run(_rehearse(tickets, Path(folder), database))}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    given = sys.argv[1:] + ["20000", "file"][len(sys.argv) - 1 :]
    print(json.dumps(main(int(given[0]), given[1])))  # noqa: T201 - what it found is its output

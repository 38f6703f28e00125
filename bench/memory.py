"""Memory of a first sync, over tickets stored: what it takes to read and process them must not depend on how many there are.

Told are the resident memory of the process that syncs, processes and serves, of it what is its own (the rest are pages of files, such as
the index, which the system takes back when it needs them), and that of its worker processes. Files of tickets are left out.
The embedded index keeps its last 8,192 points in the process's own memory, some 25 MB, before they go into files.
Run it with `python -m bench.memory [TICKETS]`.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct, to_builtins

from backend.core.model.document import DocState
from backend.core.model.sync import RunOptions, RunState, Stream
from backend.core.usecases import sync
from backend.runtime import Runtime, build
from backend.settings import Settings
from bench.sides import CONNECTIONS, OPERATOR, connect
from bench.sync import sandbox

TICKETS = 50_000
STEPS = 10
WANTED_GROWTH = 1.15
"""The process's own memory at the end, by that at a fifth of the tickets."""


class Seen(Struct, frozen=True, kw_only=True):
    """One look; in MB."""

    stored: int
    processed: int
    resident: int
    own: int
    workers: int


def main() -> None:
    """Measure in a process of its own and print a table and a line of figures."""
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    with sandbox(tickets, 0, prebuild=False) as url:
        command = [sys.executable, "-c", f"from bench.memory import run; run({url!r}, {tickets})"]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    print(f"first sync of {tickets:,} tickets, {figures['seconds']:.0f} s; in MB")
    print("   stored  processed   resident   of it own   workers")
    for seen in figures["seen"]:
        print("{stored:9,}  {processed:9,}  {resident:9,}  {own:10,}  {workers:8,}".format(**seen))
    growth = f"{figures['growth']:.2f}, {figures['kb_per_document']:.1f} kB a Document"
    print(f"  own memory at the end by that at a fifth: {growth}; wanted {WANTED_GROWTH} at most")
    print(json.dumps({"what": f"memory_{tickets}", "wanted": WANTED_GROWTH, **figures}))


def run(url: str, tickets: int) -> None:
    """The side that is measured."""
    print(json.dumps(uvloop.run(_measure(url, tickets))))


async def _measure(url: str, tickets: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            connector_host_allowlist="127.0.0.1",
            connector_concurrency=CONNECTIONS,
            attachment_max_bytes=1,
        )
        runtime = await build(settings)
        await runtime.start()
        try:
            connection = await connect(runtime.services, url)
            began = time.perf_counter()
            seen = await _watch(runtime, connection.connection_id, tickets)
        finally:
            await runtime.close()
    fifth, last = next(look for look in seen if look.stored >= tickets // 5), seen[-1]
    return {
        "seconds": time.perf_counter() - began,
        "growth": last.own / fifth.own,
        "kb_per_document": 1024 * (last.own - fifth.own) / max(1, last.processed - fifth.processed),
        "seen": [to_builtins(look) for look in seen],
    }


async def _watch(runtime: Runtime, connection_id: str, tickets: int) -> list[Seen]:
    """Sync, and look at every tenth of the tickets and at the end, when all are processed."""
    services = runtime.services
    run = await sync.start_run(services, "bench", connection_id, RunOptions(streams=(Stream.TICKETS,)), caller=OPERATOR)
    seen: list[Seen] = []
    while run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
        await asyncio.sleep(1)
        run = await sync.get_run(services, "bench", run.run_id)
        if run.counts.stored >= (len(seen) + 1) * tickets // STEPS:
            seen.append(await _look(runtime, run.counts.stored))
            print(seen[-1], file=sys.stderr, flush=True)
    assert run.state is RunState.COMPLETED, run
    return [*seen, await _look(runtime, run.counts.stored)]


async def _look(runtime: Runtime, stored: int) -> Seen:
    async with runtime.services.database.open("bench") as uow:
        states = await uow.documents.counts()
    resident, own = _memory_mb("self")
    workers = sum(_memory_mb(process)[0] for process in _children())
    return Seen(stored=stored, processed=states.get(DocState.INDEXED, 0), resident=resident, own=own, workers=workers)


def _children() -> list[str]:
    return [process for path in Path("/proc/self/task").glob("*/children") for process in path.read_text(encoding="utf-8").split()]


def _memory_mb(process: str) -> tuple[int, int]:
    """Resident memory, and of it what is the process's own."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    found = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(found["VmRSS"].split()[0]) // 1024, int(found["RssAnon"].split()[0]) // 1024


if __name__ == "__main__":
    main()

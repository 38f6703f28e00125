"""Tickets read side by side, beside a bare client that reads one after the other: `python -m bench.together [LATENCY_MS]`.

Both read every ticket whole and no files. Desklore also merges and stores what it reads, and makes it searchable meanwhile: told are
its tickets a second until all are stored, and until all are searchable. Each side is a process of its own, the sandbox a third one.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from backend.core.model.pace import PROCESSING
from backend.core.model.sync import RunOptions, RunState, Stream
from backend.core.usecases import sync
from backend.runtime import build
from backend.settings import Settings
from bench.floor import BareClient, read_ticket
from bench.sides import API_KEY, OPERATOR, connect
from bench.sync import sandbox

TICKETS = 1_200
ONE_BY_ONE = 100
LATENCY_MS = 50
PAIRS = 3
WANTED = 10.0


def main() -> None:
    """Measure in turn and print a table and a line of figures."""
    latency = int(sys.argv[1]) if len(sys.argv) > 1 else LATENCY_MS
    with sandbox(TICKETS, latency) as url:
        pairs = [(_in_process("one_by_one", url), _in_process("desklore", url)) for _ in range(PAIRS)]
    times = sorted(ours["stored_per_s"] / alone["per_s"] for alone, ours in pairs)
    alone, ours = pairs[-1]
    print(f"tickets read whole at {latency} ms")
    print(f"  one by one  {alone['per_s']:8.1f} tickets/s   {alone['requests']} requests for {ONE_BY_ONE} tickets")
    rates = f"{ours['stored_per_s']:8.1f} tickets/s, {ours['searchable_per_s']:.1f} until searchable"
    print(f"  desklore    {rates}; {ours['requests']} calls")
    print(f"  times       {statistics.median(times):8.1f}   of {', '.join(f'{each:.1f}' for each in times)}; wanted {WANTED:g}")
    print(json.dumps({"what": f"together_{latency}ms", "wanted": WANTED, "times": times, "one_by_one": alone, "desklore": ours}))


def run(side: str, url: str) -> None:
    """One side."""
    print(json.dumps(uvloop.run(_one_by_one(url) if side == "one_by_one" else _desklore(url))))


def _in_process(side: str, url: str) -> dict[str, Any]:
    command = [sys.executable, "-c", f"from bench.together import run; run({side!r}, {url!r})"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


async def _one_by_one(url: str) -> dict[str, Any]:
    """Pages of the list, and each ticket on them before the next one."""
    client = BareClient(url, API_KEY, 1)
    began, read, page = time.perf_counter(), 0, 1
    while read < ONE_BY_ONE:
        query = "updated_since=1970-01-01T00:00:00Z&order_by=updated_at&order_type=asc&per_page=100&include=requester,stats"
        for ticket in await client.json(f"/api/v2/tickets?{query}&page={page}"):
            await read_ticket(client, ticket["id"])
            read += 1
        page += 1
    seconds = time.perf_counter() - began
    await client.close()
    return {"per_s": read / seconds, "requests": client.requests}


async def _desklore(url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), connector_host_allowlist="127.0.0.1", attachment_max_bytes=1)
        runtime = await build(settings)
        await runtime.start()
        try:
            services = runtime.services
            connection = await connect(services, url)
            began = time.perf_counter()
            run = await sync.start_run(services, "bench", connection.connection_id, RunOptions(streams=(Stream.TICKETS,)), caller=OPERATOR)
            stored = 0.0
            while run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
                await asyncio.sleep(0.1)
                run = await sync.get_run(services, "bench", run.run_id)
                if not stored and run.phase in ("", PROCESSING) and run.counts.stored:
                    stored = time.perf_counter() - began
            assert run.state is RunState.COMPLETED, run
            searchable = time.perf_counter() - began
        finally:
            await runtime.close()
    tickets = run.counts.stored
    return {"stored_per_s": tickets / stored, "searchable_per_s": tickets / searchable, "requests": run.counts.api_calls}


if __name__ == "__main__":
    main()

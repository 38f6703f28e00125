"""The two sides of the sync bench, each run in a process of its own: the bare client, and Desklore."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from backend.core.model.connection import Connection
from backend.core.model.sync import RunOptions, RunState
from backend.core.model.tenant import ROLE_SCOPES, Caller, Role, Secret
from backend.core.ports.services import Services
from backend.core.usecases import connections, sync, tenants
from backend.observability.metrics import PrometheusMeter
from backend.runtime import Runtime, build, relax_collector
from backend.settings import Settings
from bench.floor import read_everything

API_KEY = "sandbox-key"
CONNECTIONS = 10
OPERATOR = Caller(role=Role.OPERATOR, scopes=ROLE_SCOPES[Role.OPERATOR])


def run(side: str, url: str, **settings: Any) -> None:
    """Measure `floor` or `desklore` (with these settings) against the helpdesk at `url` and print the figures as JSON.

    `stages` is `desklore` with each step of each task timed, which slows it down by a tenth. Of the CPU figures `all` is this process:
    `loop` (the stages, what is in none as `other`, and what no task does: sockets, callbacks, handing work over) and `threads`
    (the index, SQLite, files). `workers` are the processes beside it.
    """
    # As `serve`, `up` and `worker` do; the floor has it too.
    relax_collector()
    print(json.dumps(uvloop.run(_floor(url) if side == "floor" else _desklore(url, settings, by_stage=side == "stages"))))


async def _floor(url: str) -> dict[str, Any]:
    result = await read_everything(url, API_KEY, CONNECTIONS)
    return {"tickets_per_s": result.tickets / result.seconds, "requests": result.requests, "tickets": result.tickets}


async def _desklore(url: str, more: dict[str, Any], *, by_stage: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        settings = {"data_dir": Path(folder), "connector_host_allowlist": "127.0.0.1", "connector_concurrency": CONNECTIONS, **more}
        runtime = await build(Settings(_env_file=None, **settings))
        await runtime.start()
        if by_stage:
            runtime.built.meter.clock.watch(asyncio.get_running_loop())
        try:
            return await _sync(runtime, url)
        finally:
            await runtime.close()


async def _sync(runtime: Runtime, url: str) -> dict[str, Any]:
    services = runtime.services
    connection = await connect(services, url)
    before, cpu_before, loop_before = time.perf_counter(), time.process_time(), time.thread_time()
    run = await sync.start_run(services, "bench", connection.connection_id, RunOptions(), caller=OPERATOR)
    while run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
        await asyncio.sleep(0.05)
        run = await sync.get_run(services, "bench", run.run_id)
    seconds, cpu, loop = time.perf_counter() - before, time.process_time() - cpu_before, time.thread_time() - loop_before
    spent = {"workers": _of_children(), "all": cpu, "loop": loop, "threads": cpu - loop}
    assert run.state is RunState.COMPLETED, run
    tickets = run.counts.stored
    async with services.database.open("bench") as uow:
        listed = len([document for document in (await uow.documents.list(limit=100_000))[0] if document.doc_type.value == "ticket"])
    return {
        "tickets_per_s": listed / seconds,
        "requests": run.counts.api_calls,
        "documents": run.counts.indexed_documents,
        "cpu_ms_per_ticket": {part: each * 1000 / listed for part, each in spent.items()} | stages_of(runtime.built.meter, listed),
        "stored": tickets,
    }


async def connect(services: Services, url: str) -> Connection:
    """A tenant `bench` with the helpdesk at `url` as its connection."""
    await tenants.onboard_tenant(services, OPERATOR, company_id="bench", name="Bench")
    wanted = connections.ConnectionInput(
        platform="freshdesk", domain="bench.freshdesk.com", base_url=url, credentials={"api_key": Secret(API_KEY)}
    )
    return await connections.connect(services, "bench", wanted, caller=OPERATOR)


def _of_children() -> float:
    """CPU seconds of the processes that this one has started and that still run, their start included; 0 where there is no /proc."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name may hold blanks and brackets; what follows is state, parent, and so on (proc_pid_stat(5)).
            fields = path.read_text().rpartition(")")[2].split()
            ticks += (int(fields[11]) + int(fields[12])) * (int(fields[1]) == os.getpid())
    return ticks / os.sysconf("SC_CLK_TCK")


def stages_of(meter: PrometheusMeter, tickets: int) -> dict[str, float]:
    """CPU milliseconds a ticket by stage, as the meter has them."""
    stages: dict[str, float] = {}
    for line in meter.render()[0].decode().splitlines():
        if line.startswith("desklore_stage_cpu_seconds_total{"):
            name = line.split('stage="')[1].split('"')[0]
            stages[name] = float(line.rsplit(" ", 1)[1]) * 1000 / tickets
    return dict(sorted(stages.items(), key=lambda item: -item[1]))

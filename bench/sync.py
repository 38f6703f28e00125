"""A full sync to searchable with offline models, beside a bare client that makes the same requests and only parses the JSON.

Each side runs in a process of its own against a sandbox in a third one, floor and Desklore in turn, three pairs a setting.
The shares are compared pair by pair and the median is told. Run it with `python -m bench.sync`.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import uvloop

from backend.core.model.connection import Connection
from backend.core.model.sync import RunOptions, RunState
from backend.core.model.tenant import ROLE_SCOPES, Caller, Role, Secret
from backend.core.usecases import connections, sync, tenants
from backend.runtime import Runtime, build
from backend.settings import Settings
from bench.floor import read_everything
from bench.ports import free_ports

API_KEY = "sandbox-key"
CONNECTIONS = 10
PAIRS = 3
SETTINGS = ({"latency_ms": 50, "tickets": 600, "target": 0.80}, {"latency_ms": 0, "tickets": 1500, "target": 0.25})
OPERATOR = Caller(role=Role.OPERATOR, scopes=ROLE_SCOPES[Role.OPERATOR])


def main() -> None:
    """Measure each setting and print a table and a line of figures."""
    for setting in SETTINGS:
        with sandbox(int(setting["tickets"]), setting["latency_ms"]) as url:
            pairs = [(_in_process("floor", url), _in_process("desklore", url)) for _ in range(PAIRS)]
        shares = sorted(ours["tickets_per_s"] / floor["tickets_per_s"] for floor, ours in pairs)
        floor, ours = min(pairs, key=lambda pair: abs(pair[1]["tickets_per_s"] / pair[0]["tickets_per_s"] - shares[len(shares) // 2]))
        share = statistics.median(shares)
        print(f"vendor latency {setting['latency_ms']} ms, {CONNECTIONS} connections, {setting['tickets']} tickets")
        print(f"  floor     {floor['tickets_per_s']:8.1f} tickets/s   {floor['requests']} requests")
        print(f"  desklore  {ours['tickets_per_s']:8.1f} tickets/s   {ours['requests']} requests, {ours['documents']} documents searchable")
        print(f"  share     {share:8.0%}   of {', '.join(f'{each:.0%}' for each in shares)}; wanted {setting['target']:.0%}")
        stages = "  ".join(f"{stage} {ms:.2f}" for stage, ms in ours["cpu_ms_per_ticket"].items())
        print(f"  CPU ms per ticket: {stages}")
        figures = {"what": f"sync_{setting['latency_ms']}ms", "share_of_floor": share, "wanted": setting["target"], "shares": shares}
        print(json.dumps(figures | {"floor": floor, "desklore": ours}))


@contextlib.contextmanager
def sandbox(tickets: int, latency_ms: float) -> Iterator[str]:
    """A helpdesk with so many tickets in a process of its own: its address."""
    port, files = free_ports(2)
    options = ["--port", str(port), "--attachments-port", str(files), "--tickets", str(tickets), "--quota", "100000000"]
    command = [sys.executable, "-m", "sandbox", *options, "--latency-ms", str(latency_ms), "--prebuild"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/api/v2/agents/me", auth=(API_KEY, "X")).is_success:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _in_process(side: str, url: str) -> dict[str, Any]:
    result = subprocess.run([sys.executable, "-m", "bench.sync", side, url], capture_output=True, text=True, check=True, timeout=300)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


async def _floor(url: str) -> dict[str, Any]:
    result = await read_everything(url, API_KEY, CONNECTIONS)
    return {"tickets_per_s": result.tickets / result.seconds, "requests": result.requests, "tickets": result.tickets}


async def _desklore(url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        settings = {"data_dir": Path(folder), "connector_host_allowlist": "127.0.0.1", "connector_concurrency": CONNECTIONS}
        runtime = await build(Settings(_env_file=None, **settings))  # type: ignore[arg-type]
        await runtime.start()
        runtime.built.meter.clock.watch(asyncio.get_running_loop())
        try:
            return await _sync(runtime, url)
        finally:
            await runtime.close()


async def _sync(runtime: Runtime, url: str) -> dict[str, Any]:
    services = runtime.services
    connection = await _connect(runtime, url)
    before, cpu_before = time.perf_counter(), time.process_time()
    run = await sync.start_run(services, "bench", connection.connection_id, RunOptions(), "bench")
    while run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
        await asyncio.sleep(0.1)
        run = await sync.get_run(services, "bench", run.run_id)
    seconds, cpu = time.perf_counter() - before, time.process_time() - cpu_before
    assert run.state is RunState.COMPLETED, run
    tickets = run.counts.stored
    async with services.database.open("bench") as uow:
        listed = len([document for document in (await uow.documents.list(limit=100_000))[0] if document.doc_type.value == "ticket"])
    return {
        "tickets_per_s": listed / seconds,
        "requests": run.counts.api_calls,
        "documents": run.counts.indexed_documents,
        "cpu_ms_per_ticket": {"all": cpu * 1000 / listed} | _stages(runtime, listed),
        "stored": tickets,
    }


async def _connect(runtime: Runtime, url: str) -> Connection:
    await tenants.onboard_tenant(runtime.services, OPERATOR, company_id="bench", name="Bench")
    wanted = connections.ConnectionInput(
        platform="freshdesk", domain="bench.freshdesk.com", base_url=url, credentials={"api_key": Secret(API_KEY)}
    )
    return await connections.connect(runtime.services, "bench", wanted, caller=OPERATOR)


def _stages(runtime: Runtime, tickets: int) -> dict[str, float]:
    """CPU milliseconds a ticket by stage, as the meter has them."""
    stages: dict[str, float] = {}
    for line in runtime.built.meter.render()[0].decode().splitlines():
        if line.startswith("desklore_stage_cpu_seconds_total{"):
            name = line.split('stage="')[1].split('"')[0]
            stages[name] = float(line.rsplit(" ", 1)[1]) * 1000 / tickets
    return dict(sorted(stages.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        work = _floor if sys.argv[1] == "floor" else _desklore
        print(json.dumps(uvloop.run(work(sys.argv[2]))))
    else:
        main()

"""A server on data that is there already: how soon it is ready, what it holds in memory, how fast a ticket opens.

Beside each figure stands a bare FastAPI application in the same run. Run it with `python -m bench.serve`.
"""

import compileall
import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.ports import free_ports
from bench.sync import sandbox
from tools.tree import ROOT

TICKETS = 400
REQUESTS = 300
TICKET_PAGE = 100
STARTS = 3
OPERATOR_KEY = "operator-key-of-the-serve-bench"
BARE = """
import uvicorn
from fastapi import FastAPI
app = FastAPI()
app.get("/health/live")(lambda: {{}})
uvicorn.run(app, port={port}, log_level="error")
"""


def main() -> None:
    """Measure on a helpdesk of a few hundred tickets that was synced before."""
    # As `make run` and the image do. Where Python may not write byte code itself, each start would compile the sources: a third of it.
    compileall.compile_dir(ROOT / "backend", quiet=2)
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder, sandbox(TICKETS, 0) as url:
        data = Path(folder)
        with desklore(data) as (base, _, _):
            key = _synced(base, url)
        bare = [_bare() for _ in range(STARTS)]
        ours = [_idle(data) for _ in range(STARTS)]
        ready, memory = (statistics.median(each[part] for each in ours) for part in (0, 1))
        bare_ready, bare_memory = (statistics.median(each[part] for each in bare) for part in (0, 1))
        print(f"ready     {ready:6.2f} s    bare FastAPI {bare_ready:.2f} s; wanted 3 s")
        print(f"idle      {memory:6.0f} MB   bare FastAPI {bare_memory:.0f} MB; wanted 350 MB")
        with desklore(data, DESKLORE_BRIEFS_AHEAD=str(TICKET_PAGE)) as (base, _, _):
            _settle(base)
            ahead = _times(base, "/api/v1/init/{}", key, requests=TICKET_PAGE, opened=True)
        with desklore(data, DESKLORE_BRIEFS_AHEAD="0") as (base, _, _):
            # Words in pictures are read after a sync, with all the processor gives; what an agent waits for is measured beside neither.
            _settle(base)
            init = _times(base, "/api/v1/init/{}", key, requests=TICKET_PAGE)
            again, live = _times(base, "/api/v1/init/{}", key), _times(base, "/health/live?{}", key)
        print(f"/init     p50 {init[0]:.1f} ms, p95 {init[1]:.1f} ms the first time; wanted p95 50 ms")
        print(f"          p50 {ahead[0]:.1f} ms, p95 {ahead[1]:.1f} ms the first time of an open ticket, made ahead")
        print(f"          p50 {again[0]:.1f} ms, p95 {again[1]:.1f} ms while nothing has changed")
        print(f"          beside /health/live p50 {live[0]:.1f} ms, p95 {live[1]:.1f} ms")
        figures = {"ready_s": ready, "idle_mb": memory, "init_p50_ms": init[0], "init_p95_ms": init[1]}
        figures |= {"init_ahead_p50_ms": ahead[0], "init_ahead_p95_ms": ahead[1]}
        figures |= {"init_again_p50_ms": again[0], "init_again_p95_ms": again[1]}
        figures |= {"floor_ready_s": bare_ready, "floor_idle_mb": bare_memory, "floor_p95_ms": live[1]}
        if importlib.util.find_spec("kiwipiepy") is not None:
            figures["idle_kiwi_mb"] = _idle_with_kiwi(data, key)
            print(f"kiwi      {figures['idle_kiwi_mb']:6.0f} MB after a question, with DESKLORE_TOKENIZER=kiwi")
        print(json.dumps({"what": "serve"} | figures))


@contextlib.contextmanager
def desklore(data: Path, **more: str) -> Iterator[tuple[str, int, float]]:
    """`desklore up` over a data folder: its address, process id and seconds until it was ready."""
    (port,) = free_ports(1)
    environment = os.environ | {
        "DESKLORE_DATA_DIR": str(data),
        "DESKLORE_OPERATOR_KEY": OPERATOR_KEY,
        "DESKLORE_CONNECTOR_HOST_ALLOWLIST": "127.0.0.1",
        "DESKLORE_LOG_LEVEL": "ERROR",
    }
    with server([sys.executable, "-m", "backend.cli", "up", "--port", str(port)], port, environment | more) as (pid, seconds):
        yield f"http://127.0.0.1:{port}", pid, seconds


@contextlib.contextmanager
def server(command: list[str], port: int, environment: dict[str, str]) -> Iterator[tuple[int, float]]:
    """A process that listens on `port`: its id, and seconds until it answered."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < 60:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/health/live").is_success:
                    break
            time.sleep(0.02)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def _bare() -> tuple[float, float]:
    (port,) = free_ports(1)
    with server([sys.executable, "-c", BARE.format(port=port)], port, dict(os.environ)) as (pid, seconds):
        time.sleep(1)
        return seconds, _resident_mb(pid)


def _idle(data: Path) -> tuple[float, float]:
    with desklore(data) as (_, pid, seconds):
        time.sleep(3)
        return seconds, _resident_mb(pid)


def _idle_with_kiwi(data: Path, key: str) -> float:
    with desklore(data, DESKLORE_TOKENIZER="kiwi") as (base, pid, _):
        httpx.post(f"{base}/api/v1/query", json={"question": "로그인 오류"}, headers={"X-API-Key": key}, timeout=60)
        time.sleep(3)
        return _resident_mb(pid)


def _resident_mb(pid: int) -> float:
    """Resident memory of the process and of all it has started."""
    children = subprocess.run(["ps", "-o", "rss=", "--pid", str(pid), "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return sum(int(line) for line in children.stdout.split()) / 1024


def _synced(base: str, helpdesk: str) -> str:
    """A tenant whose sync has ended: its key."""
    with httpx.Client(base_url=f"{base}/api/v1", headers={"X-API-Key": OPERATOR_KEY}, timeout=60) as client:
        client.post("/tenants", json={"company_id": "bench", "name": "Bench"}).raise_for_status()
        key: str = client.post("/tenants/bench/keys", json={"name": "bench"}).json()["api_key"]
        client.headers["X-API-Key"] = key
        wanted = {"platform": "freshdesk", "domain": "bench.freshdesk.com", "base_url": helpdesk, "credentials": {"api_key": "sandbox-key"}}
        connection = client.post("/connections", json=wanted).json()["connection_id"]
        run = client.post("/ingest", json={"connection_id": connection}).json()
        while run["state"] in ("queued", "running", "waiting"):
            time.sleep(0.2)
            run = client.get(f"/runs/{run['run_id']}").json()
        assert run["state"] == "completed", run
    time.sleep(5)
    return key


def _settle(base: str) -> None:
    """Wait until no job is waiting or running."""
    while True:
        parts = httpx.get(f"{base}/health/ready", timeout=60).json()["dependencies"]
        if next(part["detail"] for part in parts if part["name"] == "queue") == "0 waiting, 0 running":
            return
        time.sleep(1)


def _times(base: str, path: str, key: str, requests: int = REQUESTS, *, opened: bool = False) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds, one request after the other, each of another ticket; with `opened` each open one once."""
    times = []
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60) as client:
        items = client.get(f"/api/v1/documents?doc_type=ticket&limit={TICKET_PAGE}").json()["items"]
        if opened:
            items = [each for each in items if each["status"] not in ("resolved", "closed")]
            requests = len(items)
        tickets = [each["original_id"] for each in items]
        for number in range(requests):
            began = time.perf_counter()
            client.get(path.format(tickets[number % len(tickets)])).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.95)]


if __name__ == "__main__":
    main()

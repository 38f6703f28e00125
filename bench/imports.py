"""An account export imported: tickets a second into the store beside a bare script, and API calls beside a plain first sync.

The bare script unpacks the same zip, parses it and writes every ticket as it is with one batch of SQLite inserts: no conversation is
ordered, nothing merged, no file fetched. Desklore's side is a whole import, files included, until everything is stored. The plain
sync reads the same helpdesk by its API. Run it with `python -m bench.imports [TICKETS]`.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvloop

from backend.adapters.archive import Archive
from backend.adapters.exports.records import read_records
from backend.core.model.pace import PROCESSING
from backend.core.model.sync import Run, RunOptions, RunState, Stream
from backend.core.usecases import imports, sync
from backend.runtime import Runtime, build
from backend.settings import Settings
from bench.sides import API_KEY, CONNECTIONS, OPERATOR, connect
from bench.sync import sandbox

TICKETS = 3_000
LATENCY_MS = 50
MOST_CALLS = 0.4
"""A ticket of the import: names, one for each ticket that has files, and the pictures in texts, which the helpdesk's own host gives."""
_UNDER_WAY = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


def main() -> None:
    """Measure in a process of its own and print a table and a line of figures."""
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    with sandbox(tickets, LATENCY_MS) as url:
        command = [sys.executable, "-c", f"from bench.imports import run; run({url!r})"]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    floor, ours, plain = figures["floor"], figures["desklore"], figures["plain"]
    print(f"Account export of {tickets:,} tickets, {figures['zip_mb']:.1f} MB packed; the helpdesk answers in {LATENCY_MS} ms")
    print(f"  floor     {floor['tickets_per_s']:8.0f} tickets/s   unpacked, parsed, one batch of inserts")
    print(f"  parsed    {figures['parsed_per_s']:8.0f} tickets/s   unpacked, cut into records and parsed by Desklore's reader alone")
    for name, side, told in (("import", ours, f"wanted at most {MOST_CALLS}"), ("plain", plain, "without the export")):
        print(f"  {name:9s} {side['tickets_per_s']:8.0f} tickets/s   {side['calls_per_ticket']:.3f} API calls a ticket; {told}")
    print(json.dumps({"what": f"import_{tickets}", "most_calls": MOST_CALLS, **figures}))


def run(url: str) -> None:
    """All sides, one after the other."""
    print(json.dumps(uvloop.run(_measure(url))))


async def _measure(url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        path = Path(folder) / "export.zip"
        path.write_bytes(await _export(url))
        return {
            "zip_mb": path.stat().st_size / 1e6,
            "floor": _floor(path, Path(folder) / "floor.db"),
            "parsed_per_s": _parsed(path),
            "desklore": await _side(Path(folder) / "import", url, path),
            "plain": await _side(Path(folder) / "plain", url, None),
        }


async def _export(url: str) -> bytes:
    """The helpdesk's own, by its job."""
    async with httpx.AsyncClient(auth=(API_KEY, "X"), timeout=120) as client:
        wanted = {"resources": [{"name": name} for name in ("tickets", "users", "agents", "groups", "companies")], "output_format": "json"}
        job = (await client.post(f"{url}/api/v2/account/export", json=wanted)).json()["job"]
        state: dict[str, Any] = {}
        while "download_url" not in state:
            state = (await client.get(job["link"]["href"])).json()
    async with httpx.AsyncClient(timeout=120) as anybody:
        return (await anybody.get(state["download_url"])).content


def _floor(path: Path, database: Path) -> dict[str, float]:
    began = time.perf_counter()
    rows = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("Tickets"):
                rows += [(each["helpdesk_ticket"]["display_id"], orjson.dumps(each)) for each in orjson.loads(archive.read(name))]
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, body BLOB)")
        connection.executemany("INSERT INTO tickets VALUES (?, ?)", rows)
    connection.close()
    return {"tickets": len(rows), "tickets_per_s": len(rows) / (time.perf_counter() - began)}


def _parsed(path: Path) -> float:
    """Desklore's reader by itself."""
    began = time.perf_counter()
    archive = Archive(path, path.name)
    count = 0
    for member in archive.members:
        if member.base.startswith("Tickets"):
            with archive.open(member) as stream:
                count += sum(found.record is not None for found in read_records(stream, member.base))
    archive.close()
    return count / (time.perf_counter() - began)


async def _side(folder: Path, url: str, export: Path | None) -> dict[str, float]:
    settings = Settings(_env_file=None, data_dir=folder, connector_host_allowlist="127.0.0.1", connector_concurrency=CONNECTIONS)
    runtime = await build(settings)
    await runtime.start()
    try:
        connection = await connect(runtime.services, url)
        began = time.perf_counter()
        if export is None:
            options = RunOptions(streams=(Stream.TICKETS,))
            begun = await sync.start_run(runtime.services, "bench", connection.connection_id, options, caller=OPERATOR)
        else:
            upload = imports.Upload(path=export, name=export.name)
            begun = await imports.start_import(runtime.services, "bench", connection.connection_id, upload, caller=OPERATOR)
        run = await _stored(runtime, begun)
        seconds = time.perf_counter() - began
    finally:
        await runtime.close()
    return {
        "tickets": run.counts.stored,
        "tickets_per_s": run.counts.stored / seconds,
        "api_calls": run.counts.api_calls,
        "calls_per_ticket": run.counts.api_calls / max(1, run.counts.stored),
    }


async def _stored(runtime: Runtime, run: Run) -> Run:
    """The run once everything was read and stored; summaries are another measurement."""
    while run.state in _UNDER_WAY and run.phase != PROCESSING:
        await asyncio.sleep(0.05)
        run = await sync.get_run(runtime.services, "bench", run.run_id)
    assert run.state in (*_UNDER_WAY, RunState.COMPLETED), run
    return run


if __name__ == "__main__":
    main()

"""A complete re-sync of an unchanged helpdesk, beside a bare client that only reads the same lists.

The listing is one page after the other, as the API demands: what can be lost is only what is done between two pages. Run it with
`python -m bench.resync [TICKETS]`.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop

from backend.core import ids
from backend.core.clock import parse_time
from backend.core.model.article import Visibility
from backend.core.model.document import DocState, DocType, Document, Part
from backend.core.model.sync import RunMode, RunOptions, RunState, Stream
from backend.core.ports.services import Services
from backend.core.usecases import sync
from backend.runtime import Runtime, build
from backend.settings import Settings
from bench.floor import BareClient
from bench.sides import API_KEY, CONNECTIONS, OPERATOR, connect
from bench.sync import sandbox

TICKETS = 20_000
LATENCY_MS = 50
PAIRS = 3
WANTED = 0.90


def main() -> None:
    """Measure in a process of its own and print a table and a line of figures."""
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    with sandbox(tickets, LATENCY_MS) as url:
        command = [sys.executable, "-c", f"from bench.resync import run; run({url!r})"]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    print(f"{tickets:,} unchanged tickets, vendor latency {LATENCY_MS} ms")
    print(f"  floor     {figures['floor_s']:8.1f} s   {figures['pages']} pages of the list, parsed and thrown away")
    print(f"  desklore  {figures['desklore_s']:8.1f} s   {figures['requests']} requests, {figures['stored']} documents written")
    print(
        f"  share     {figures['share_of_floor']:8.0%}   of {', '.join(f'{each:.0%}' for each in figures['shares'])}; wanted {WANTED:.0%}"
    )
    print(f"  calls     {figures['requests'] - figures['pages']:8}   more than the floor's")
    print(json.dumps({"what": f"resync_{tickets}", "wanted": WANTED, **figures}))


def run(url: str) -> None:
    """Both sides, in turn."""
    print(json.dumps(uvloop.run(_measure(url))))


async def _measure(url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), connector_host_allowlist="127.0.0.1", connector_concurrency=CONNECTIONS)
        runtime = await build(settings)
        await runtime.start()
        try:
            connection = await connect(runtime.services, url)
            await _fill(runtime.services, url, connection.connection_id)
            pairs = [(await _list(url), await _again(runtime, connection.connection_id)) for _ in range(PAIRS)]
        finally:
            await runtime.close()
    shares = sorted(floor[0] / ours[0] for floor, ours in pairs)
    floor, ours = pairs[-1]
    return {
        "share_of_floor": statistics.median(shares),
        "shares": shares,
        "floor_s": floor[0],
        "pages": floor[1],
        "desklore_s": ours[0],
        "requests": ours[1],
        "stored": ours[2],
    }


async def _fill(services: Services, url: str, connection_id: str) -> None:
    """Store a Document for every listed ticket, in the version that is listed: a first sync does the same and takes longer."""
    async for listed in _pages(BareClient(url, API_KEY, CONNECTIONS)):
        documents = [_document(record, connection_id) for record in listed]
        async with services.database.open("bench", write=True) as uow:
            await uow.documents.put(documents)


def _document(record: dict[str, Any], connection_id: str) -> Document:
    changed, number = parse_time(record["updated_at"]), str(record["id"])
    assert changed is not None
    return Document(
        document_id=ids.document_id("bench", "freshdesk", DocType.TICKET, number),
        connection_id=connection_id,
        platform="freshdesk",
        doc_type=DocType.TICKET,
        original_id=number,
        title=record["subject"],
        parts=(Part(kind="description", text=record["subject"] * 20, visibility=Visibility.CONVERSATION),),
        content_hash=ids.text_hash(number),
        source_version=changed.isoformat(),
        visibility=Visibility.CONVERSATION,
        created_at=changed,
        updated_at=changed,
        stored_at=changed,
        indexed_at=changed,
        state=DocState.INDEXED,
    )


async def _again(runtime: Runtime, connection_id: str) -> tuple[float, int, int]:
    began = time.perf_counter()
    options = RunOptions(mode=RunMode.FULL, streams=(Stream.TICKETS,))
    run = await sync.start_run(runtime.services, "bench", connection_id, options, caller=OPERATOR)
    while run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
        await asyncio.sleep(0.1)
        run = await sync.get_run(runtime.services, "bench", run.run_id)
    assert run.state is RunState.COMPLETED, run
    return time.perf_counter() - began, run.counts.api_calls, run.counts.stored


async def _list(url: str) -> tuple[float, int]:
    client = BareClient(url, API_KEY, CONNECTIONS)
    began = time.perf_counter()
    async for _ in _pages(client):
        pass
    return time.perf_counter() - began, client.requests


async def _pages(client: BareClient) -> AsyncIterator[list[dict[str, Any]]]:
    """The list from its beginning to its end, asked for anew from the last moment seen, which is the safe way to read it."""
    since = "1970-01-01T00:00:00Z"
    while True:
        query = f"updated_since={since}&order_by=updated_at&order_type=asc&per_page=100&page=1&include=requester,stats"
        listed = await client.json(f"/api/v2/tickets?{query}")
        yield listed
        if len(listed) < 100:
            break
        last = parse_time(listed[-1]["updated_at"])
        assert last is not None
        # A page that one second fills would be asked for again and again.
        since = f"{last if last.isoformat() != since else last + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    await client.close()


if __name__ == "__main__":
    main()

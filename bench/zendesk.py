"""A Zendesk backfill with comments: calls per ticket, and tickets a second beside a bare client that makes the fewest requests.

The bare client walks the ticket export and the ticket events side by side and only parses the JSON. Desklore's Source lists and fetches
every ticket, normalized and with all its comments: the newest first, and what it is told of twice once, as a sync does. Each side
runs in a process of its own against a sandbox in a third one, whose answers take 50 ms; whose limit on exports is lifted, since it
would hold both up alike. Run it with `python -m bench.zendesk`.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx
import orjson
import uvloop

from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.runtime import relax_collector
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from bench.ports import free_ports

PAIRS = 3
TICKETS = 20_000
LATENCY_MS = 50
AT_ONCE = 64
MOST_CALLS, LEAST_SHARE = 0.05, 0.8
TOKEN = "sandbox-oauth-token"  # noqa: S105 - it opens made-up data
_SIDES = "users,organizations,metric_sets,comment_count"


def main() -> None:
    """Measure both sides in turn, and print a table and a line of figures."""
    with sandbox(TICKETS, LATENCY_MS) as url:
        for side in ("floor", "desklore"):
            _in_process(side, url)  # The first walk lets the sandbox render its pages.
        pairs = [(_in_process("floor", url), _in_process("desklore", url)) for _ in range(PAIRS)]
    shares = sorted(ours["tickets_per_s"] / floor["tickets_per_s"] for floor, ours in pairs)
    share = statistics.median(shares)
    floor, ours = min(pairs, key=lambda pair: abs(pair[1]["tickets_per_s"] / pair[0]["tickets_per_s"] - share))
    calls = ours["requests"] / ours["tickets"]
    print(f"Zendesk backfill with comments, {ours['tickets']} tickets, {LATENCY_MS} ms an answer")
    print(f"  floor     {floor['tickets_per_s']:8.1f} tickets/s   {floor['requests']} requests, {floor['comments']} comments")
    print(f"  desklore  {ours['tickets_per_s']:8.1f} tickets/s   {ours['requests']} requests, {ours['comments']} comments")
    print(f"  calls     {calls:8.4f} a ticket; wanted at most {MOST_CALLS}")
    print(f"  share     {share:8.0%} of {', '.join(f'{each:.0%}' for each in shares)}; wanted {LEAST_SHARE:.0%}")
    figures = {"what": "zendesk_backfill", "calls_per_ticket": calls, "share_of_floor": share, "wanted": LEAST_SHARE, "shares": shares}
    print(json.dumps(figures | {"floor": floor, "desklore": ours}))


@contextlib.contextmanager
def sandbox(tickets: int, latency_ms: float) -> Iterator[str]:
    """A Zendesk with so many tickets in a process of its own: its address."""
    port, files = free_ports(2)
    options = ["--platform", "zendesk", "--port", str(port), "--attachments-port", str(files), "--tickets", str(tickets)]
    # The history ends now, as a helpdesk's does that is at work: the newest tickets are a share of it.
    options += ["--reference", str(int(time.time()) - 120), "--latency-ms", str(latency_ms), "--prebuild"]
    options += ["--quota", "100000000", "--export-quota", "100000000"]
    process = subprocess.Popen([sys.executable, "-m", "sandbox", *options], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/api/v2/users/me.json", headers={"Authorization": f"Bearer {TOKEN}"}).is_success:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def run(side: str, url: str) -> None:
    """Measure `floor` or `desklore` against the helpdesk at `url` and print the figures as JSON. Both collect garbage as a server does."""
    relax_collector()
    print(json.dumps(uvloop.run(_floor(url) if side == "floor" else _desklore(url))))


async def _floor(url: str) -> dict[str, Any]:
    began = time.perf_counter()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        tickets, comments = await asyncio.gather(_export(session, url), _events(session, url))
    seconds = time.perf_counter() - began
    return {"tickets": tickets[0], "comments": comments[0], "requests": tickets[1] + comments[1], "tickets_per_s": tickets[0] / seconds}


async def _export(session: aiohttp.ClientSession, url: str) -> tuple[int, int]:
    """Tickets and requests."""
    tickets = requests = 0
    place = "start_time=0"
    while True:
        body = await _json(session, f"{url}/api/v2/incremental/tickets/cursor.json?{place}&per_page=1000&include={_SIDES}")
        requests += 1
        tickets += sum(ticket["status"] != "deleted" for ticket in body["tickets"])
        if body["end_of_stream"]:
            return tickets, requests
        place = f"cursor={body['after_cursor']}"


async def _events(session: aiohttp.ClientSession, url: str) -> tuple[int, int]:
    """Comments and requests."""
    comments: set[int] = set()
    requests = start = 0
    while True:
        body = await _json(session, f"{url}/api/v2/incremental/ticket_events.json?start_time={start}&include=comment_events&per_page=1000")
        requests += 1
        comments.update(child["id"] for event in body["ticket_events"] for child in event["child_events"] if "author_id" in child)
        if body["end_of_stream"]:
            return len(comments), requests
        start = body["end_time"]


async def _json(session: aiohttp.ClientSession, address: str) -> Any:
    async with session.get(address) as answer:
        return orjson.loads(await answer.read())


async def _desklore(url: str) -> dict[str, Any]:
    registry = SourceRegistry(frozenset({"127.0.0.1"}), 10, Patience(), InProcessBudgets(10))
    credentials = {"oauth_token": Secret(TOKEN)}
    settings = SourceSettings(
        company_id="bench", connection_id="c", platform="zendesk", domain="bench", base_url=url, credentials=credentials
    )
    source = registry.open(settings, Lane.BACKFILL)
    began = time.perf_counter()
    tickets = comments = 0
    cursor, last = Cursor(stream=Stream.TICKETS), False
    known: set[tuple[str, str]] = set()
    ahead = asyncio.create_task(source.list_changes(cursor, RunOptions()))
    while not last:
        listing = await ahead
        last = listing.last
        if not last:
            ahead = asyncio.create_task(source.list_changes(listing.next, RunOptions()))
        refs = [ref for ref in listing.refs if (ref.original_id, ref.version) not in known]
        known.update((ref.original_id, ref.version) for ref in refs)
        for start in range(0, len(refs), AT_ONCE):
            for fetched in await asyncio.gather(*map(source.fetch, refs[start : start + AT_ONCE])):
                tickets += 1
                comments += len(getattr(fetched.item, "conversations", ()))
    seconds = time.perf_counter() - began
    requests = source.quota.calls
    await source.close()
    return {"tickets": tickets, "comments": comments, "requests": requests, "tickets_per_s": tickets / seconds}


def _in_process(side: str, url: str) -> dict[str, Any]:
    command = [sys.executable, "-c", f"from bench.zendesk import run; run({side!r}, {url!r})"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()

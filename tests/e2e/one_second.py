"""Not a test but a longer trial: `python -m tests.e2e.one_second 31000` syncs so many tickets that all changed in one second.

Freshdesk lists no more than 300 pages of 100, so nothing but their creation tells the last thousand apart (SPEC A2). Prints how
many were found, the calls a ticket cost, and what a second run costs. `test_one_second.py` is the same with few tickets and pages.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import structlog
import uvloop

from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import ENDED, Tenant, Trip, running_trip

LIST, VIEW = "GET /api/v2/tickets", "GET /api/v2/tickets/{id}"
OF_TICKETS = "GET /api/v2/tickets"
MOMENT = 1_788_000_000
"""2026-08-29T10:40:00Z, a month before the account's history ends."""


async def trial(folder: Path, tickets: int, page_cap: int) -> dict[str, Any]:
    """Give every ticket one `updated_at`, sync all of them, sync again, and compare with the helpdesk's own list."""
    options = SandboxOptions(tickets=tickets, page_cap=page_cap, quota=100_000_000)
    async with running_sandbox(options) as sandbox:
        for ticket in sandbox.account.tickets.values():
            change.touch(sandbox.site, ticket, MOMENT)
        there = {str(ticket.id) for ticket in sandbox.account.tickets.values() if ticket.state == "live"}
        # Files are not what is looked at here, and would make up most of the work.
        async with running_trip(folder, attachment_max_bytes=1) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            first = await _run(tenant, sandbox)
            again = await _run(tenant, sandbox)
            found = await _found(trip)
    return {
        "what": f"one_second_{tickets}",
        "live": len(there),
        "found": len(there & set(found)),
        "missing": len(there - set(found)),
        "twice": sum(count > 1 for count in found.values()),
        "calls_per_ticket": first["calls"] / len(there),
        "first": first,
        "again": again,
    }


async def _run(tenant: Tenant, sandbox: SandboxServer) -> dict[str, Any]:
    """One sync of the tickets, and the calls that the helpdesk counted."""
    sandbox.stats.clear()
    began = time.monotonic()
    run = await tenant.post("/ingest", {"connection_id": tenant.connection_id, "streams": ["tickets"]})
    while (run := await tenant.get(f"/runs/{run['run_id']}"))["state"] not in ENDED:
        await asyncio.sleep(0.2)
    assert run["state"] == "completed", run
    calls = {shape: count for shape, count in sandbox.stats.requests.items() if shape.startswith(OF_TICKETS)}
    return {
        "seconds": round(time.monotonic() - began, 1),
        "calls": sum(calls.values()),
        "list_calls": calls.get(LIST, 0),
        "view_calls": calls.get(VIEW, 0),
        "listed": run["counts"]["listed"],
        "stored": run["counts"]["stored"],
        "failed": run["counts"]["failed"],
    }


async def _found(trip: Trip) -> Counter[str]:
    found: Counter[str] = Counter()
    cursor: str | None = None
    while True:
        async with trip.runtime.services.database.open("acme") as uow:
            documents, cursor = await uow.documents.list(limit=1_000, after=cursor)
        found.update(document.original_id for document in documents)
        if cursor is None:
            return found


async def main(tickets: int) -> dict[str, Any]:
    """At full scale, with the pages Freshdesk has."""
    with tempfile.TemporaryDirectory() as folder:
        return await trial(Path(folder), tickets, 300)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 31_000))))  # noqa: T201 - what one runs it for

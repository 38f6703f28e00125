"""How soon five tickets of one company are searchable while another one backfills 50,000, beside how soon they are alone.

One process with everything in it, embedded; the large helpdesk is another. Run it with `python -m bench.beside [tickets]`.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import structlog

from backend.runtime import relax_collector
from bench.sync import sandbox
from bench.workers import HELPDESK
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip

TICKETS: Final = 50_000
FEW: Final = 5
WANTED_S: Final = 10.0


async def _searchable_s(trip: Trip, name: str, seed: int) -> float:
    """From "sync now" to the moment all tickets are found by their own titles."""
    async with running_sandbox(SandboxOptions(tickets=FEW, seed=seed)) as few:
        tenant = await trip.onboard(name)
        await tenant.connect(few)
        began = time.perf_counter()
        run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
        while not await _all_found(tenant):
            assert (await tenant.get(f"/runs/{run['run_id']}"))["state"] != "failed"
            await asyncio.sleep(0.1)
        return time.perf_counter() - began


async def _all_found(tenant: Tenant) -> bool:
    listed = (await tenant.get("/documents", limit=100))["items"]
    tickets = [each for each in listed if each["doc_type"] == "ticket"]
    if len(tickets) < FEW or any(each["state"] in ("pending", "processing") for each in tickets):
        return False
    for ticket in tickets:
        if ticket["state"] == "skipped":
            continue
        found = await tenant.post("/search", {"query": ticket["title"], "top_k": 10})
        if ticket["document_id"] not in {hit["document_id"] for hit in found["hits"]}:
            return False
    return True


async def _stored(tenant: Tenant, run_id: str, wanted: int) -> dict[str, Any]:
    """The counts of a run that has stored so many."""
    while True:
        counts: dict[str, Any] = (await tenant.get(f"/runs/{run_id}"))["counts"]
        if counts["stored"] >= wanted:
            return counts
        await asyncio.sleep(0.2)


async def main(tickets: int) -> dict[str, Any]:
    """Measure alone and beside, print what was found, and return the figures."""
    # As `up` does.
    relax_collector()
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder, sandbox(tickets, 0, prebuild=False) as large:
        async with running_trip(Path(folder)) as trip:
            alone = [await _searchable_s(trip, f"alone-{number}", 10 + number) for number in range(2)]
            giant = await trip.onboard("giant")
            made = await giant.post("/connections", HELPDESK | {"base_url": large})
            giant.connection_id = made["connection_id"]
            run = await giant.post("/ingest", {"connection_id": giant.connection_id})
            counts = await _stored(giant, run["run_id"], min(500, tickets // 4))
            beside = [await _searchable_s(trip, f"beside-{number}", 20 + number) for number in range(3)]
            after = await giant.get(f"/runs/{run['run_id']}")
            await giant.post(f"/runs/{run['run_id']}/cancel", {})
    still = after["state"] == "running" and after["counts"]["stored"] < tickets
    print(f"{FEW} tickets of another company searchable, while {tickets:,} are backfilled (still reading: {'yes' if still else 'no'})")
    print(f"  alone   {min(alone):6.2f} s")
    print(f"  beside  {max(beside):6.2f} s, the slowest of {len(beside)}; wanted {WANTED_S:g} at most")
    stored = [counts["stored"], after["counts"]["stored"]]
    figures = {"what": "few_beside_many", "beside_s": beside, "alone_s": alone, "wanted_s": WANTED_S, "tickets": tickets}
    return {**figures, "backfilled_meanwhile": stored, "backfill_was_under_way": still}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(json.dumps(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS))))

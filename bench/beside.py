"""How soon five new tickets of one company are searchable while another one backfills 50,000, beside how soon they are alone.

So with the first sync of a company of five tickets, which also reads all articles and their files, and takes turns with the large one.
One process with everything in it, embedded; the large helpdesk is another. Run it with `python -m bench.beside [tickets]`.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from backend.runtime import relax_collector
from bench.sync import sandbox
from bench.workers import HELPDESK
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Tenant, Trip, running_trip

TICKETS: Final = 50_000
FEW: Final = 5
WANTED_S: Final = 10.0
TEXT: Final = "어제부터 켜지지 않습니다. 전원을 뺐다가 다시 꽂아도 같습니다. How can we get it running again?"


@asynccontextmanager
async def _company(trip: Trip, name: str, seed: int) -> AsyncIterator[tuple[Tenant, SandboxServer]]:
    """A company that is connected to a helpdesk of its own, with a few tickets."""
    async with running_sandbox(SandboxOptions(tickets=FEW, seed=seed)) as few:
        tenant = await trip.onboard(name)
        await tenant.connect(few)
        yield tenant, few


async def _searchable_s(tenant: Tenant, wanted: set[str]) -> float:
    """From "sync now" to the moment these tickets are found by their own titles; of a first sync all of its tickets."""
    began = time.perf_counter()
    run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
    while not await _all_found(tenant, wanted):
        assert (await tenant.get(f"/runs/{run['run_id']}"))["state"] != "failed"
        await asyncio.sleep(0.1)
    seconds = time.perf_counter() - began
    await tenant.wait(run["run_id"])
    return seconds


async def _new_s(tenant: Tenant, few: SandboxServer, word: str) -> float:
    """How soon five new tickets of a company that was synced before are searchable."""
    made = [change.create(few.site, {"subject": f"{word} {number}", "description": f"<p>{word}: {TEXT}</p>"}) for number in range(FEW)]
    return await _searchable_s(tenant, {str(ticket.id) for ticket in made})


async def _all_found(tenant: Tenant, wanted: set[str]) -> bool:
    listed = (await tenant.get("/documents", limit=100, doc_type="ticket"))["items"]
    tickets = [each for each in listed if not wanted or each["original_id"] in wanted]
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
        async with running_trip(Path(folder)) as trip, _company(trip, "small", 10) as (small, few):
            alone = {"first": await _searchable_s(small, set()), "new": await _new_s(small, few, "보일러")}
            giant = await trip.onboard("giant")
            made = await giant.post("/connections", HELPDESK | {"base_url": large})
            giant.connection_id = made["connection_id"]
            run = await giant.post("/ingest", {"connection_id": giant.connection_id})
            counts = await _stored(giant, run["run_id"], min(500, tickets // 4))
            beside = [await _new_s(small, few, word) for word in ("엘리베이터", "자전거", "정수기")]
            first = []
            for number in range(2):
                async with _company(trip, f"late-{number}", 20 + number) as (late, _):
                    first.append(await _searchable_s(late, set()))
            after = await giant.get(f"/runs/{run['run_id']}")
            await giant.post(f"/runs/{run['run_id']}/cancel", {})
    still = after["state"] == "running" and after["counts"]["stored"] < tickets
    print(f"{FEW} tickets of another company searchable, while {tickets:,} are backfilled (still reading: {'yes' if still else 'no'})")
    for what, seconds, times in (("new ones", alone["new"], beside), ("a first sync", alone["first"], first)):
        print(f"  {what:13} alone {seconds:6.2f} s, beside {max(times):6.2f} s at most, of {len(times)}")
    print(f"  wanted for new ones: {WANTED_S:g} s at most")
    stored = [counts["stored"], after["counts"]["stored"]]
    figures = {"what": "few_beside_many", "beside_s": beside, "first_s": first, "alone_s": alone, "wanted_s": WANTED_S, "tickets": tickets}
    return {**figures, "backfilled_meanwhile": stored, "backfill_was_under_way": still}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(json.dumps(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS))))

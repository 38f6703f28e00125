"""How much faster four workers are than one against a model server that takes 50 ms for every call.

Eight companies sync a helpdesk each, with accounts and limits of their own; PostgreSQL, Redis and the test double of a Qdrant server
are all on this machine. Every worker makes one call of the model at a time, so that waiting for it is what there is to share, and has
worked before it is measured. Attachments and briefs made ahead stay out: they are work for processors, of which four workers have no
more than one. The floor is what the calls alone would take one after the other. `python -m bench.workers [tickets of each company]`.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import structlog

from backend.storage.sql.engine import upgrade
from bench.sides import API_KEY
from bench.sync import sandbox
from tests.e2e.test_postgres import on
from tests.e2e.trip import Tenant, Trip
from tests.e2e.workers import WorkerProcess, api
from tests.servers.redis import own_server
from tests.support.openai_server import OpenAIServer
from tests.support.postgres import Cluster, database_at, make_database, running_cluster
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY

COMPANIES: Final = 8
WORKERS: Final = 4
TICKETS: Final = 150
WARMING: Final = 4
"""Tickets of each of the companies that are synced before."""
POLL_S: Final = 0.5
LEASE_S: Final = 60.0
"""Of a job: a worker that waits for a processor is not dead."""
LATENCY_S: Final = 0.05
LEFT_OUT: Final = {"attachment_max_bytes": "1", "briefs_ahead": "0"}
"""Searches in the double are its own Python."""
WANTED: Final = 3.2
HELPDESK: Final = {"platform": "freshdesk", "domain": "hanbit.freshdesk.com", "credentials": {"api_key": API_KEY}}


async def _synced(tenant: Tenant) -> None:
    """Until its first sync has ended, which the workers' clock may have begun already."""
    begun = await tenant.client.post("/api/v1/ingest", json={"connection_id": tenant.connection_id})
    run_id = begun.json()["run_id"] if begun.is_success else begun.json()["error"]["details"]["run_id"]
    while True:
        run = await tenant.get(f"/runs/{run_id}")
        if run["state"] in ("completed", "failed", "canceled"):
            assert run["state"] == "completed", run
            return
        await asyncio.sleep(POLL_S)


async def _all_synced(trip: Trip, name: str, urls: Sequence[str]) -> float:
    """So many new companies sync these helpdesks: seconds."""
    tenants = [await trip.onboard(f"{name}-{number}") for number in range(COMPANIES)]
    try:
        began = time.perf_counter()
        for tenant, url in zip(tenants, cycle(urls), strict=False):
            made = await tenant.post("/connections", HELPDESK | {"base_url": url})
            tenant.connection_id = made["connection_id"]
        await asyncio.gather(*map(_synced, tenants))
        return time.perf_counter() - began
    finally:
        for tenant in tenants:
            await tenant.client.aclose()


async def _round(trip: Trip, model: OpenAIServer, make: Any, *, count: int, few: str, many: Sequence[str]) -> dict[str, float]:
    """The syncs by so many workers: seconds, and how often the model was asked."""
    workers = [make() for _ in range(count)]
    try:
        for worker in workers:
            await worker.ready()
        await _all_synced(trip, f"warming-{count}", [few])
        asked = len(model.requests)
        seconds = await _all_synced(trip, f"with-{count}", many)
        return {"workers": count, "seconds": seconds, "calls": len(model.requests) - asked}
    finally:
        for worker in workers:
            worker.end()


async def _measure(cluster: Cluster, tickets: int) -> list[dict[str, float]]:
    await make_database(cluster.admin_url, "bench")
    database = database_at(cluster.admin_url, "bench")
    await asyncio.to_thread(upgrade, database.url, database.owner_url)
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder, own_server() as redis, OpenAIServer(delay=LATENCY_S) as model:
        async with AsyncExitStack() as stack:
            few = stack.enter_context(sandbox(WARMING, 0))
            many = [stack.enter_context(sandbox(tickets, 0)) for _ in range(COMPANIES)]
            url, _ = await stack.enter_async_context(doubled())
            settings = {**on(database), "vector_type": "server", "qdrant_url": url, "qdrant_api_key": KEY}
            models = {"openai_base_url": model.base_url, "openai_api_key": model.key, "summarize_model": "openai:gpt-bench"}
            shared = {**settings, **models, "llm_concurrency": "1", "job_lease_seconds": str(LEASE_S)} | LEFT_OUT
            trip = await stack.enter_async_context(api(Path(folder), redis.url(), **shared))

            def make() -> WorkerProcess:
                return WorkerProcess(Path(folder), redis.url(), **shared)

            return [await _round(trip, model, make, count=count, few=few, many=many) for count in (1, WORKERS)]


def main(tickets: int) -> dict[str, Any]:
    """Measure both, print what was found, and return the figures."""
    with running_cluster() as cluster:
        one, many = asyncio.run(_measure(cluster, tickets))
    times = one["seconds"] / many["seconds"]
    print(
        f"{COMPANIES} companies of {tickets} tickets; every call of the model takes {LATENCY_S * 1000:.0f} ms, one at a time in each worker"
    )
    for row in (one, many):
        floor = row["calls"] * LATENCY_S / row["workers"]
        print(f"  {row['workers']} workers  {row['seconds']:7.1f} s   {row['calls']} calls, which alone take {floor:.1f} s")
    print(f"  {WORKERS} are {times:.2f} times as fast as one; wanted {WANTED:g} at least")
    return {"what": "workers", "times": times, "wanted": WANTED, "rows": [one, many]}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS)))

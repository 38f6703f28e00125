"""How much faster four workers are than one against a model server that takes 50 ms for every call.

Eight companies sync a small helpdesk each; PostgreSQL, Redis and the test double of a Qdrant server are all on this machine. Every worker
makes one call of the model at a time, so that waiting for it is what there is to share. The floor is what the calls alone would take one
after the other. `python -m bench.workers [tickets of each company]`.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import structlog

from backend.storage.sql.engine import upgrade
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
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
TICKETS: Final = 25
LATENCY_S: Final = 0.05
WANTED: Final = 3.2


async def _synced(tenant: Tenant) -> None:
    """Until its first sync has ended, which the workers' clock may have begun already."""
    begun = await tenant.client.post("/api/v1/ingest", json={"connection_id": tenant.connection_id})
    run_id = begun.json()["run_id"] if begun.is_success else begun.json()["error"]["details"]["run_id"]
    while True:
        run = await tenant.get(f"/runs/{run_id}")
        if run["state"] in ("completed", "failed", "canceled"):
            assert run["state"] == "completed", run
            return
        await asyncio.sleep(0.1)


async def _round(trip: Trip, sandbox: SandboxServer, model: OpenAIServer, make: Any, *, count: int) -> dict[str, float]:
    """The syncs of new companies by so many workers: seconds, and how often the model was asked."""
    tenants = [await trip.onboard(f"with-{count}-{number}") for number in range(COMPANIES)]
    workers = [make() for _ in range(count)]
    try:
        for worker in workers:
            await worker.ready()
        asked, began = len(model.requests), time.perf_counter()
        for tenant in tenants:
            await tenant.connect(sandbox)
        await asyncio.gather(*map(_synced, tenants))
        return {"workers": count, "seconds": time.perf_counter() - began, "calls": len(model.requests) - asked}
    finally:
        for worker in workers:
            worker.end()
        for tenant in tenants:
            await tenant.client.aclose()


async def _measure(cluster: Cluster, tickets: int) -> list[dict[str, float]]:
    await make_database(cluster.admin_url, "bench")
    database = database_at(cluster.admin_url, "bench")
    await asyncio.to_thread(upgrade, database.url, database.owner_url)
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder, own_server() as redis, OpenAIServer(delay=LATENCY_S) as model:
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(running_sandbox(SandboxOptions(tickets=tickets)))
            url, _ = await stack.enter_async_context(doubled())
            settings = {**on(database), "vector_type": "server", "qdrant_url": url, "qdrant_api_key": KEY}
            models = {"openai_base_url": model.base_url, "openai_api_key": model.key, "summarize_model": "openai:gpt-bench"}
            shared = {**settings, **models, "llm_concurrency": "1"}
            trip = await stack.enter_async_context(api(Path(folder), redis.url(), **shared))

            def make() -> WorkerProcess:
                return WorkerProcess(Path(folder), redis.url(), **shared)

            return [await _round(trip, sandbox, model, make, count=count) for count in (1, WORKERS)]


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

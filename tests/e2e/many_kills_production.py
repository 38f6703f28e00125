"""Not a test but a longer trial: `python -m tests.e2e.many_kills_production 20`, over PostgreSQL, Redis and a Qdrant server.

Two workers process one sync. Twenty times each, at random moments: one of them is killed, Redis is killed and comes back empty,
PostgreSQL is killed and comes back. Prints whether the end is that of an undisturbed run in one process.
"""

import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from backend.core.errors import AppError
from backend.core.ingest.pipeline.pictures import read_waiting
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.document import DocState
from backend.core.ports.services import Services
from backend.storage.sql.engine import upgrade
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.test_postgres import on
from tests.e2e.trip import Tenant, running_trip
from tests.e2e.workers import OPERATOR_KEY, WorkerProcess, api
from tests.servers.redis import own_server
from tests.support.postgres import Cluster, database_at, installed_binaries, make_database
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY

TICKETS = 120


async def _contents(services: Services) -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
    """Documents by id, without what is told by the clock or by chance, and every chunk of the index."""
    await read_waiting(services, "acme")
    await process_pending(services, "acme")
    async with services.database.open("acme") as uow:
        documents, _ = await uow.documents.list(limit=10_000)
    index = await services.indexes.open("acme")
    chunks = [(c.document_id, c.ordinal, c.text) for d in documents for c in await index.chunks(d.document_id)]
    assert (await index.count())[0] == len(chunks), "nothing twice"
    return {d.document_id: (d.content_hash, d.parts, d.summary, d.internal_summary, d.state) for d in documents}, sorted(chunks)


async def _undisturbed(folder: Path, sandbox: SandboxServer) -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
    async with running_trip(folder, operator_key=OPERATOR_KEY) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        await tenant.sync()
        await trip.settle("acme")
        return await _contents(trip.runtime.services)


async def _left(services: Services, tenant: Tenant, run_id: str) -> bool:
    while True:
        try:
            async with services.database.open("acme") as uow:
                run = await uow.sync.get_run(run_id)
                states = await uow.documents.counts()
        except AppError:
            await asyncio.sleep(0.2)
            continue
        assert run is not None
        return run.state.value != "completed" or bool(states.get(DocState.PENDING) or states.get(DocState.PROCESSING))


async def _replace(workers: list[WorkerProcess], place: int, make: Callable[[], WorkerProcess]) -> None:
    workers[place].end()
    workers[place] = make()
    await workers[place].ready()


async def main(times: int) -> dict[str, Any]:
    """Kill, wait, compare."""
    binaries = installed_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed")
    chance, killed = random.Random(11), {"worker": 0, "redis": 0, "postgres": 0}
    cluster = await asyncio.to_thread(Cluster.make, binaries)
    await asyncio.to_thread(cluster.start)
    await make_database(cluster.admin_url, "desklore")
    database = database_at(cluster.admin_url, "desklore")
    await asyncio.to_thread(upgrade, database.url, database.owner_url)
    with tempfile.TemporaryDirectory() as folder, own_server() as redis:
        data = Path(folder) / "production"
        async with running_sandbox(SandboxOptions(tickets=TICKETS, latency_ms=50)) as sandbox, doubled() as (url, _):
            want = await _undisturbed(Path(folder) / "calm", sandbox)
            server = {**on(database), "vector_type": "server", "qdrant_url": url, "qdrant_api_key": KEY}
            async with api(data, redis.url(), **server) as trip:
                services = trip.runtime.services
                tenant = await trip.onboard("acme")
                await tenant.connect(sandbox)
                run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
                workers = [WorkerProcess(data, redis.url(), **server) for _ in range(2)]
                for worker in workers:
                    await worker.ready()
                began = time.monotonic()
                syncs = 1
                while sum(killed.values()) < 3 * times:
                    if not await _left(services, tenant, run["run_id"]):
                        await tenant.wait(run["run_id"])
                        run = await tenant.post("/ingest", {"connection_id": tenant.connection_id, "mode": "refresh"})
                        syncs += 1
                    await asyncio.sleep(chance.uniform(0.05, 1.0))
                    victim = chance.choice([name for name, count in killed.items() if count < times])
                    killed[victim] += 1
                    if victim == "worker":
                        await _replace(workers, chance.randrange(2), lambda: WorkerProcess(data, redis.url(), **server))
                    else:
                        down, up = (redis.kill, redis.start) if victim == "redis" else (cluster.stop, cluster.start)
                        await asyncio.to_thread(down)
                        await asyncio.to_thread(up)
                ended = await tenant.wait(run["run_id"])
                await trip.settle("acme")
                took = time.monotonic() - began
                for worker in workers:
                    worker.end()
                have = await _contents(services)
    await asyncio.to_thread(cluster.stop)
    cluster.remove()
    figures = {"killed": killed, "syncs": syncs, "seconds": round(took, 1), "last_run": ended["state"], "documents": len(want[0])}
    return {**figures, "chunks": len(want[1]), "same_documents": have[0] == want[0], "same_chunks": have[1] == want[1]}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))))  # noqa: T201 - what it found is its output

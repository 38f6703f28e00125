"""Not a test but a longer trial: `python -m tests.e2e.many_kills 20` kills a worker so often, and empties Redis as often.

Prints how long it took, how much was done anew, and whether the end is that of an undisturbed run.
"""

import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
from redis.asyncio import Redis

from backend.core.model.document import DocState
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import Trip, running_trip
from tests.e2e.workers import OPERATOR_KEY, WorkerProcess, api, contents
from tests.servers.redis import own_server

TICKETS = 120


async def _left(trip: Trip, run_id: str) -> bool:
    async with trip.runtime.services.database.open("acme") as uow:
        run = await uow.sync.get_run(run_id)
        states = await uow.documents.counts()
    assert run is not None
    return run.state.value != "completed" or bool(states.get(DocState.PENDING) or states.get(DocState.PROCESSING))


async def _killed(data_dir: Path, sandbox: SandboxServer, kills: int) -> dict[str, Any]:
    """One sync with so many kills at random moments, each with or without an emptied Redis."""
    randomness, done, flushed, waits = random.Random(7), 0, 0, []
    with own_server() as redis:
        client = Redis.from_url(redis.url())
        async with api(data_dir, redis.url()) as trip:
            tenant = await trip.onboard("acme")
            await tenant.connect(sandbox)
            began = time.monotonic()
            run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
            while done < kills:
                if not await _left(trip, run["run_id"]):
                    # Everything was done before the last kill: once more, from the start.
                    await tenant.wait(run["run_id"])
                    run = await tenant.post("/ingest", {"connection_id": tenant.connection_id, "mode": "refresh"})
                worker = WorkerProcess(data_dir, redis.url())
                await worker.ready()
                await asyncio.sleep(randomness.uniform(0.05, 1.5))
                if randomness.random() < 0.5:
                    await client.flushall()
                    flushed += 1
                worker.end()
                done += 1
            last = WorkerProcess(data_dir, redis.url())
            await last.ready()
            recovered = time.monotonic()
            assert (await tenant.wait(run["run_id"]))["state"] == "completed"
            await trip.settle("acme")
            waits.append(time.monotonic() - recovered)
            ended = await tenant.get(f"/runs/{run['run_id']}")
            last.end()
        await client.aclose()
    return {
        "kills": done,
        "emptied": flushed,
        "seconds": round(time.monotonic() - began, 1),
        "seconds_after_last_kill": round(waits[-1], 1),
        "stored_by_last_run": ended["counts"]["stored"],
    }


async def main(kills: int) -> dict[str, Any]:
    """Compare with an undisturbed run."""
    with tempfile.TemporaryDirectory() as folder:
        calm, killed = Path(folder) / "calm", Path(folder) / "killed"
        async with running_sandbox(SandboxOptions(tickets=TICKETS, latency_ms=50)) as sandbox:
            began = time.monotonic()
            async with running_trip(calm, operator_key=OPERATOR_KEY) as trip:
                tenant = await trip.onboard("acme")
                await tenant.connect(sandbox)
                await tenant.sync()
                await trip.settle("acme")
            undisturbed = time.monotonic() - began
            figures = await _killed(killed, sandbox, kills)
        (have, have_chunks), (want, want_chunks) = await contents(killed), await contents(calm)
    same = have == want and have_chunks == want_chunks
    return {**figures, "undisturbed_seconds": round(undisturbed, 1), "documents": len(want), "chunks": len(want_chunks), "same": same}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))))  # noqa: T201 - what it found is its output

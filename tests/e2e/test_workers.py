"""Jobs in processes of their own: killed, with an emptied Redis, without one, two side by side: nothing is lost, nobody waits."""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from backend.core.ports.services import Services
from backend.settings import Settings
from backend.storage.redis.queue import RedisQueue
from backend.workers.runner import handler
from backend.workers.schedule import start_due_forever, sweep_forever
from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_schedule import make_due
from tests.e2e.trip import running_trip
from tests.e2e.workers import api, contents, progress, worker
from tests.servers.redis import own_server

KILL_AT = ((10, 0), (60, 30))
"""How many Documents are stored, and how many of them indexed, when the worker is killed."""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_workers_that_are_killed_and_an_emptied_redis_lose_nothing(tmp_path: Path) -> None:
    randomness = random.Random(20261121)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    async with running_sandbox(SandboxOptions(tickets=40, latency_ms=20)) as sandbox:
        with own_server() as redis:
            async with running_trip(calm, operator_key="operator-key-of-the-workers") as trip:
                tenant = await trip.onboard("acme")
                await tenant.connect(sandbox)
                await tenant.sync()
                await trip.settle("acme")
            client = Redis.from_url(redis.url())
            async with api(killed, redis.url()) as trip:
                tenant = await trip.onboard("acme")
                await tenant.connect(sandbox)
                run = await tenant.post("/ingest", {"connection_id": tenant.connection_id})
                for stored, indexed in KILL_AT:
                    async with worker(killed, redis.url()) as process:
                        await progress(killed, stored, indexed)
                        await asyncio.sleep(randomness.uniform(0, 0.05))
                        if stored:
                            # Before, while, or after the worker dies: what it ran is known to the store only.
                            await client.flushall()
                        process.end()
                await client.aclose()
                redis.kill()
                redis.start()
                async with worker(killed, redis.url()) as process:
                    assert (await tenant.wait(run["run_id"]))["state"] == "completed"
                    await trip.settle("acme")
                    assert process.end(signal.SIGTERM) == 0
        (have, have_chunks), (want, want_chunks) = await contents(killed), await contents(calm)
        assert have.keys() == want.keys()
        assert {key for key in want if have[key] != want[key]} == set()
        assert have_chunks == want_chunks


async def test_a_second_worker_on_the_embedded_index_is_told_why_not(tmp_path: Path, redis_url: str) -> None:
    from backend.runtime import build_worker

    settings = Settings(_env_file=None, data_dir=tmp_path / "data", queue_type="redis", redis_url=redis_url)
    first, second = await build_worker(settings), await build_worker(settings)
    await first.start()
    with pytest.raises(Exception, match="several workers need a Qdrant server"):
        await second.start()
    for work in (second, first):
        await work.close()


async def test_without_redis_the_api_answers_and_the_run_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async with running_sandbox(SandboxOptions(tickets=12)) as sandbox:
        with own_server() as redis:
            async with running_trip(tmp_path / "data", queue_type="redis", redis_url=redis.url()) as trip:
                tenant = await trip.onboard("acme")
                await tenant.connect(sandbox)
                await tenant.sync()
                redis.kill()
                health = (await trip.anonymous.get("/health")).json()
                assert health["status"] == "degraded"
                assert {"name": "queue", "state": "low", "detail": "shared_state_unavailable"} in health["dependencies"]
                assert (await trip.anonymous.get("/metrics")).status_code == 200
                title = (await tenant.get("/documents", doc_type="ticket", state="indexed"))["items"][0]["title"]
                assert (await tenant.ask(title))["tickets"], "what is stored is found"
                run = await tenant.post("/ingest", {"connection_id": tenant.connection_id, "mode": "full"})
                redis.start()
                assert (await tenant.wait(run["run_id"]))["state"] == "completed"
                assert (await trip.anonymous.get("/health")).json()["status"] == "ok"


@contextlib.asynccontextmanager
async def _second_worker(first: Services, redis_url: str, places: int) -> AsyncIterator[Services]:
    """A worker beside the one of the trip, over the same store and index: its queue is its own, as in another process."""
    queue = RedisQueue(redis_url, places)
    services = replace(first, queue=queue)
    await queue.start(handler(services))
    clocks = [asyncio.create_task(tick(services)) for tick in (sweep_forever, start_due_forever)]
    try:
        yield services
    finally:
        for clock in clocks:
            clock.cancel()
        await asyncio.gather(*clocks, return_exceptions=True)
        await queue.stop()
        await queue.close()


async def test_two_workers_let_a_small_tenant_through_while_giants_read(tmp_path: Path, redis_url: str) -> None:
    shared = {"queue_type": "redis", "redis_url": redis_url, "job_concurrency": 1}
    async with (
        running_sandbox(SandboxOptions(tickets=300, latency_ms=800)) as large,
        running_sandbox(SandboxOptions(tickets=300, latency_ms=800, seed=3)) as larger,
        running_sandbox(SandboxOptions(tickets=5, seed=2)) as few,
        running_trip(tmp_path / "data", **shared) as trip,
        _second_worker(trip.runtime.services, redis_url, 1),
    ):
        giants = [await trip.onboard("giant"), await trip.onboard("titan")]
        small = await trip.onboard("small")
        runs = []
        for giant, sandbox in zip(giants, (large, larger), strict=True):
            await giant.connect(sandbox)
            runs.append((await giant.post("/ingest", {"connection_id": giant.connection_id}))["run_id"])
        await small.connect(few)
        for giant, run_id in zip(giants, runs, strict=True):
            await giant.wait(run_id, ("running",))
        assert (await small.sync())["state"] == "completed"
        for giant, run_id in zip(giants, runs, strict=True):
            run = await giant.get(f"/runs/{run_id}")
            assert (run["state"], run["phase"] != "processing") == ("running", True), "the giants still read"
            await giant.post(f"/runs/{run_id}/cancel", {})


async def test_two_workers_start_one_run_of_a_connection_and_run_it_once(tmp_path: Path, redis_url: str) -> None:
    async with (
        running_sandbox(SandboxOptions(tickets=12)) as sandbox,
        running_trip(tmp_path / "data", queue_type="redis", redis_url=redis_url) as trip,
        _second_worker(trip.runtime.services, redis_url, 4),
    ):
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        first = await tenant.sync()
        await make_due(trip, tenant)
        async with asyncio.timeout(60):
            while len(runs := (await tenant.get("/runs"))["items"]) < 2 or runs[0]["state"] != "completed":
                await asyncio.sleep(0.05)
        assert [run["run_id"] for run in runs[1:]] == [first["run_id"]]
        assert first["counts"]["stored"] >= 12
        assert runs[0]["counts"]["stored"] == 0

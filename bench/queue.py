"""What the queue in Redis and the runner cost a job, beside bare round trips to the same Redis; and how soon a lone job begins.

Jobs that do nothing, of twenty tenants, enqueued one by one as the product does and run by one process. Redis is a server of its own
on this machine (DESKLORE_TEST_REDIS_URL: another one, whose database is emptied). The floor is the round trip.
"""

import asyncio
import contextlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog
import uvloop
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.core.model.job import Job, JobName
from backend.core.ports.services import Services
from backend.core.usecases.tenants import onboard_tenant
from backend.runtime import build
from backend.settings import Settings
from backend.storage.redis.queue import RedisQueue
from backend.workers.runner import JOBS, handler
from bench.sides import OPERATOR

TENANTS = 20
PLACES = 4
TRIPS = 2_000
LONE = 100
TARGET_MS = 5.0


@contextlib.asynccontextmanager
async def _redis() -> AsyncIterator[str]:
    if given := os.environ.get("DESKLORE_TEST_REDIS_URL"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="dl-bench-") as folder:
        address = Path(folder) / "redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", str(address), "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: ASYNC220 - before anything is measured
            try:
                client = Redis.from_url(f"unix://{address}")
                async with asyncio.timeout(20):
                    while True:
                        with contextlib.suppress(RedisError, OSError):
                            if await client.ping():
                                break
                        await asyncio.sleep(0.02)
                await client.aclose()
                yield f"unix://{address}"
            finally:
                process.terminate()


async def _trip_ms(url: str) -> float:
    """One bare round trip, on the average of many."""
    client = Redis.from_url(url)
    await client.set("bench", b"1")
    began = time.perf_counter()
    for _ in range(TRIPS):
        await client.get("bench")
    seconds = time.perf_counter() - began
    await client.delete("bench")
    await client.aclose()
    return seconds / TRIPS * 1000


class Nothing:
    """The job that does nothing, and when each began."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.wanted = 0
        self.done = asyncio.Event()

    async def __call__(self, _services: Services, job: Job) -> float | None:
        """Note that it ran."""
        self.begun[job.key] = time.perf_counter()
        if len(self.begun) >= self.wanted:
            self.done.set()
        return None

    async def until(self, count: int) -> None:
        """Wait until so many began from now on."""
        self.wanted = count
        if len(self.begun) < count:
            self.done.clear()
            await self.done.wait()

    def expect(self, count: int) -> None:
        """Begin to count anew."""
        self.begun.clear()
        self.wanted = count
        self.done.clear()


def _job(number: int, tenants: int = TENANTS) -> Job:
    return Job(name=JobName.READ_NUDGES, company_id=f"tenant-{number % tenants}", subject=str(number))


async def _job_ms(queue: RedisQueue, nothing: Nothing, count: int) -> float:
    """Enqueuing and running jobs one after the other, all at once waiting: milliseconds each."""
    nothing.expect(count)
    began = time.perf_counter()
    for number in range(count):
        await queue.enqueue([_job(number)])
    await nothing.done.wait()
    # The last ends are told to Redis after the job itself is done.
    while await queue.depth() != (0, 0):  # noqa: ASYNC110 - the depth is asked for in Redis
        await asyncio.sleep(0.001)
    return (time.perf_counter() - began) / count * 1000


async def _lone_ms(queue: RedisQueue, other: RedisQueue, nothing: Nothing) -> tuple[float, float]:
    """From enqueuing to the begin of a job that has the queue to itself: by the process that runs it, and by another one."""
    found: list[list[float]] = [[], []]
    for turn, by in enumerate((queue, other)):
        for number in range(LONE if by is queue else LONE // 4):
            job = _job(number)
            nothing.expect(1)
            began = time.perf_counter()
            await by.enqueue([job])
            await nothing.done.wait()
            found[turn].append((nothing.begun[job.key] - began) * 1000)
            await asyncio.sleep(0.005)
    return statistics.median(found[0]), statistics.median(found[1])


async def main(count: int) -> dict[str, Any]:
    """Measure, print what was found, and return the figures."""
    nothing = Nothing()
    # One after which nothing else is enqueued.
    JOBS[JobName.READ_NUDGES] = nothing
    with tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder:
        runtime = await build(Settings(_env_file=None, data_dir=Path(folder)))
        for number in range(TENANTS):
            await onboard_tenant(runtime.services, OPERATOR, company_id=f"tenant-{number}", name="Bench")
        figures = await _measured(runtime.services, nothing, count)
        await runtime.close()
    print(f"{count} jobs of {TENANTS} tenants, {PLACES} at once, one process; the median of three")
    print(f"  a job        {figures['job_ms']:7.2f} ms   wanted {TARGET_MS:g} at most")
    print(f"  a round trip {figures['trip_ms']:7.3f} ms   so a job costs as much as {figures['trips_a_job']:.1f} of them")
    lone, of_another = figures["lone_job_begins_ms"], figures["lone_job_of_another_process_begins_ms"]
    print(f"  a lone job begins after {lone:.1f} ms, one that another process enqueued after {of_another:.1f} ms")
    return figures


async def _measured(services: Services, nothing: Nothing, count: int) -> dict[str, Any]:
    async with _redis() as url:
        queue, other = RedisQueue(url, PLACES), RedisQueue(url, PLACES)
        await queue.start(handler(services))
        await _job_ms(queue, nothing, 50)
        trip, each = [], []
        for _ in range(3):
            trip.append(await _trip_ms(url))
            each.append(await _job_ms(queue, nothing, count))
        own, others = await _lone_ms(queue, other, nothing)
        await queue.stop()
        await queue.close()
        await other.close()
    return {
        "what": "queue_and_runner",
        "job_ms": statistics.median(each),
        "job_ms_runs": each,
        "trip_ms": statistics.median(trip),
        "trips_a_job": statistics.median(each) / statistics.median(trip),
        "lone_job_begins_ms": own,
        "lone_job_of_another_process_begins_ms": others,
        "jobs": count,
        "wanted_ms": TARGET_MS,
    }


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))))

"""The queue that processes share: ARQ on Redis, with turns by tenant. See docs/decisions/0018-redis-and-workers.md."""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from contextvars import Context
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from arq import Retry
from arq.connections import ArqRedis
from arq.jobs import serialize_job
from arq.worker import RetryJob
from redis.exceptions import RedisError

from backend.core.model.job import Job, JobName, Line, places_of
from backend.core.ports.queue import Handler
from backend.storage.deadline import within_deadline
from backend.storage.redis import queue_scripts as scripts
from backend.storage.redis.connection import PREFIX, open_pool, translated
from backend.storage.redis.worker import FairWorker, Turns

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 10.0
"""So long what a killed process ran waits until another one takes it."""
_KEPT_MS: Final = 7 * 86_400_000
"""A job that waits longer is forgotten; the sweeper enqueues it again where it is still left to do."""
_BASE: Final = f"{PREFIX}:jobs"
_SOONEST: Final = 0.001
_BATCH: Final = 500


def _plain(value: object) -> str:
    """Whatever ARQ wants to keep of a failure, as words: nothing but JSON goes to Redis."""
    return repr(value)


_encode: Final = msgspec.json.Encoder(enc_hook=_plain).encode
_decode: Final = msgspec.json.Decoder().decode


class RedisQueue:
    """JobQueue on Redis. Any number of processes enqueue; those that `start` it run jobs.

    Each line has places of its own in each process (`places_of`). A job that runs is leased: a process that gives no
    sign of life for `lease_seconds` loses it to another one.
    """

    def __init__(self, url: str, concurrency: int, lease_seconds: float = LEASE_SECONDS) -> None:
        if concurrency < 1:
            raise ValueError("at least one job must be able to run")
        # ARQ tells of each job's begin and end; our own runner does so in our own form.
        logging.getLogger("arq.worker").setLevel(logging.WARNING)
        self._places = places_of(concurrency)
        self._lease = lease_seconds
        self._redis = ArqRedis(open_pool(url), job_serializer=_encode, job_deserializer=_decode)
        self._owner = secrets.token_hex(8)
        self._workers: dict[Line, FairWorker] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._handler: Handler | None = None
        register = self._redis.register_script
        self._enqueue, self._claim = register(scripts.ENQUEUE), register(scripts.CLAIM)
        self._beat, self._ended = register(scripts.BEAT), register(scripts.ENDED)
        self._hand_on, self._depth = register(scripts.HAND_ON), register(scripts.DEPTH)

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """Take jobs; see the port. While Redis is away they are dropped, for the sweeper to find."""
        try:
            for start in range(0, len(jobs), _BATCH):
                batch = jobs[start : start + _BATCH]
                told = [word for job in batch for word in (job.line.value, job.key, _payload(job))]
                await self._enqueue(keys=[_BASE], args=[_KEPT_MS, *told])
            for line in {job.line for job in jobs} & self._workers.keys():
                await self._workers[line].pick()
        except (RedisError, OSError) as error:
            log.warning("queue_away", jobs=len(jobs), reason=type(error).__name__)

    async def hand_on(self, job: Job) -> bool:
        """Run a job anew that gives no sign of life, wherever it runs. False where it only waits for its turn."""
        with translated():
            found = await self._hand_on(keys=[_BASE], args=[_KEPT_MS, job.line.value, job.key, _payload(job)])
        return any(worker.cancel_job(job.key) for worker in self._workers.values()) or bool(found)

    async def start(self, handler: Handler) -> None:
        """Begin to run jobs in this process, as soon as Redis is there."""
        self._handler = handler
        jobs = {name.value: self._run for name in JobName}
        for line, places in self._places.items():
            self._workers[line] = FairWorker(
                line,
                places,
                turns=self._turns(line),
                redis=self._redis,
                queue=f"{_BASE}:{line.value}",
                lease=self._lease,
                jobs=jobs,  # type: ignore[arg-type]  # ARQ's type takes any arguments; a job here has one.
            )
        loop = asyncio.get_running_loop()
        self._loops = [loop.create_task(worker.main(), context=Context()) for worker in self._workers.values()]

    async def stop(self) -> None:
        """Take no more, cancel what runs and hand it back; what waits stays for the other processes, or the next start."""
        workers, self._workers = [*self._workers.values()], {}
        loops, self._loops = self._loops, []
        self._handler = None
        await asyncio.gather(*(worker.quit() for worker in workers))
        await asyncio.gather(*loops)

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until a worker of this process finds Redis emptied."""
        waits = [asyncio.create_task(worker.emptied.wait()) for worker in self._workers.values()]
        try:
            if waits:
                await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(seconds)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            for worker in self._workers.values():
                worker.emptied.clear()

    async def depth(self) -> tuple[int, int]:
        """Waiting (with those that run again later) and running, in all processes. Raises SHARED_STATE_UNAVAILABLE."""
        with translated():
            waiting, running = await self._depth(keys=[_BASE])
        return int(waiting), int(running)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose(close_connection_pool=True)

    def _turns(self, line: Line) -> Turns:
        lease, workers = int(self._lease * 1000), self._workers

        async def claim(free: int, places: int) -> Any:
            # Of all lines: a claim of one ends the leases of the others too.
            mine = [job_id for worker in workers.values() for job_id in worker.running]
            return await self._claim(keys=[_BASE], args=[lease, self._owner, line.value, free, places, *mine])

        async def beat(job_ids: list[str]) -> Any:
            return await self._beat(keys=[_BASE], args=[lease, self._owner, *job_ids])

        async def ended(job_id: str, payload: bytes) -> Any:
            return await self._ended(keys=[_BASE], args=[_KEPT_MS, self._owner, line.value, job_id, payload])

        return Turns(claim=claim, beat=beat, ended=ended, read=partial(_job, line=line), write=_payload)

    async def _run(self, _ctx: dict[Any, Any], given: dict[str, Any]) -> None:
        """What ARQ calls: the handler within the job's deadline; a number from it is the verdict to run again."""
        job = msgspec.convert(given, Job)
        if self._handler is None:
            # Taken in the moment of the stop.
            raise RetryJob
        work = asyncio.ensure_future(within_deadline(self._handler, job))
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({work})
            raise
        if work.cancelled():
            return
        if (error := work.exception()) is not None:
            log.error("job_failed", job=job.name.value, company_id=job.company_id, subject=job.subject, exc_info=error)
        elif (seconds := work.result()) is not None:
            raise Retry(defer=max(seconds, _SOONEST))


def _payload(job: Job) -> bytes:
    """The job as ARQ writes it, in JSON."""
    return serialize_job(job.name.value, (msgspec.to_builtins(job),), {}, None, int(time.time() * 1000), serializer=_encode)


def _job(job_id: str, line: Line) -> Job | None:
    parts = job_id.split(":", 2)
    if len(parts) != 3 or parts[1] not in {each.value for each in JobName}:
        return None
    return Job(name=JobName(parts[1]), company_id=parts[0], subject=parts[2], line=line)

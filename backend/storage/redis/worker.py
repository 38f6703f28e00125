"""ARQ's worker with turns by tenant, leases that a killed process loses in seconds, and its jobs in our hands.

ARQ itself picks jobs by age, and holds what a killed worker ran until the longest job would have ended; the rest is its own:
the form of a job, the try, the verdict to run it again, the end (https://arq-docs.helpmanual.io/).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Final

import structlog
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Function, Worker, func
from redis.exceptions import RedisError

from backend.core.model.job import Job, Line

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.1
"""How often a process with nothing to do looks for jobs of other processes."""
_AWAY_SECONDS: Final = 0.5
_NO_LIMIT: Final = 1_000_000_000

Script = Callable[..., Awaitable[Any]]


class Running:
    """A job under way in this process."""

    __slots__ = ("job", "payload", "task")

    def __init__(self, job: Job, payload: bytes, task: "asyncio.Task[None]") -> None:
        self.job = job
        self.payload = payload
        self.task = task


class Turns:
    """What a worker asks of the queue's scripts."""

    def __init__(
        self, *, claim: Script, beat: Script, ended: Script, read: Callable[[str], Job | None], write: Callable[[Job], bytes]
    ) -> None:
        self.claim = claim
        self.beat = beat
        self.ended = ended
        self.read = read
        self.write = write


class FairWorker(Worker):
    """Runs one line's jobs, at most `places` at once and up to twice as many for jobs of which their tenant has none running."""

    def __init__(
        self, line: Line, places: int, *, turns: Turns, redis: ArqRedis, queue: str, lease: float, jobs: dict[str, WorkerCoroutine]
    ) -> None:
        functions: list[Function] = [
            func(run, name=name, timeout=_NO_LIMIT, max_tries=_NO_LIMIT, keep_result=0) for name, run in jobs.items()
        ]
        super().__init__(functions, queue_name=queue, redis_pool=redis, handle_signals=False, max_jobs=2 * places, keep_result=0)
        self.job_serializer, self.job_deserializer = redis.job_serializer, redis.job_deserializer
        self.running: dict[str, Running] = {}
        self.emptied = asyncio.Event()
        self._line = line
        self._places = places
        self._turns = turns
        self._lease = lease
        self._wake = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._beat_at = 0.0
        self._stopping = False
        self._away = False

    async def main(self) -> None:
        """Take jobs until `quit`; while Redis is away what runs goes on, and nothing is taken.

        It is never canceled: a canceled call leaves a connection behind on which an answer is still to come.
        """
        while not self._stopping:
            self._wake.clear()
            try:
                await self.pick()
                await self._beat()
                if self._away:
                    self._away = False
                    log.info("queue_back", line=self._line.value)
            except (RedisError, OSError) as error:
                if not self._away:
                    self._away = True
                    log.warning("queue_away", line=self._line.value, reason=type(error).__name__)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()

    async def pick(self) -> None:
        """Take the jobs whose turn it is, as many as may run now."""
        async with self._claiming:
            if self._stopping:
                return
            free = self._places - len(self.running)
            if free <= -self._places and not self.running:
                return
            taken, cancel, fresh = await self._turns.claim(free, self._places)
            for job_id, score in taken:
                await self._begin(job_id.decode(), int(float(score)))
        for job_id in cancel:
            self.cancel_job(job_id.decode())
        if fresh:
            self.emptied.set()

    def cancel_job(self, job_id: str) -> bool:
        """Cancel a job, which is then run again; whether it runs here."""
        task = self.job_tasks.get(job_id)
        return task is not None and task.cancel()

    async def quit(self) -> None:
        """Take no more, cancel what runs, and wait until it is handed back."""
        self._stopping = True
        self._wake.set()
        async with self._claiming:
            tasks = [running.task for running in self.running.values()]
            for job_id in self.running:
                self.cancel_job(job_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, job_id: str, score: int) -> None:
        job = self._turns.read(job_id)
        if job is None:
            # Of another version, which finds it in the store again. Kept here it would be taken again and again.
            log.warning("job_unknown", job_id=job_id)
            await self.pool.zrem(self.queue_name, job_id)
            await self._turns.ended(job_id, b"")
            self._wake.set()
            return
        # A job belongs to nobody's request, so it does not inherit what is bound to one, such as its id in the log.
        task = self.loop.create_task(self._run(job_id, score), name=job_id, context=Context())
        self.running[job_id] = Running(job, self._turns.write(job), task)

    async def _run(self, job_id: str, score: int) -> None:
        try:
            await self.run_job(job_id, score)
        except (RedisError, OSError) as error:
            # What it did is in the store; whether it is run once more than needed does not matter.
            log.warning("job_end_not_told", job_id=job_id, reason=type(error).__name__)
        finally:
            await self._end(self.running.pop(job_id))

    async def _end(self, ended: Running) -> None:
        try:
            await self._turns.ended(ended.job.key, ended.payload)
        except (RedisError, OSError) as error:
            log.warning("job_end_not_told", job_id=ended.job.key, reason=type(error).__name__)
        self._wake.set()

    async def _beat(self) -> None:
        """Keep the leases of what runs; what another process has taken over is ended here."""
        now = self.loop.time()
        if not self.running or now < self._beat_at:
            return
        self._beat_at = now + self._lease / 5
        for job_id in await self._turns.beat(list(self.running)):
            log.warning("job_taken_over", job_id=job_id.decode())
            self.cancel_job(job_id.decode())

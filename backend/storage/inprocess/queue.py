"""The queue of one process: jobs wait in memory and take turns by tenant."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from contextvars import Context
from functools import partial

import structlog

from backend.core.model.job import Job, places_of
from backend.core.ports.queue import Handler
from backend.storage.deadline import within_deadline

log = structlog.get_logger(__name__)


class _Waiting:
    """The jobs of one line that wait for their turn, by tenant."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._jobs: dict[str, OrderedDict[str, Job]] = {}
        self._turns: deque[str] = deque()

    def __len__(self) -> int:
        return sum(map(len, self._jobs.values()))

    def __contains__(self, job: Job) -> bool:
        return job.key in self._jobs.get(job.company_id, {})

    def put(self, job: Job) -> None:
        """Behind what waits of the same tenant; a tenant that had nothing waiting is at the end of the line."""
        mine = self._jobs.get(job.company_id)
        if mine is None:
            mine = self._jobs[job.company_id] = OrderedDict()
            self._turns.append(job.company_id)
        mine[job.key] = job

    def next(self, running: Collection[Job]) -> Job | None:
        """The job whose turn it is, beside what runs of this line; None where none may start now."""
        free = self.places - len(running)
        if free <= -self.places:
            return None
        one_each = free <= 0 or (free == 1 and self.places > 2)
        busy = {(job.company_id, job.name) for job in running} if one_each else set()
        for company_id in self._turns:
            first = next(iter(self._jobs[company_id].values()))
            if (company_id, first.name) not in busy:
                return self._pop(company_id)
        return None

    def clear(self) -> None:
        """Forget all of it."""
        self._jobs.clear()
        self._turns.clear()

    def _pop(self, company_id: str) -> Job:
        """Take the tenant's oldest job and send the tenant to the end of the line."""
        self._turns.remove(company_id)
        mine = self._jobs[company_id]
        _, job = mine.popitem(last=False)
        if mine:
            self._turns.append(company_id)
        else:
            del self._jobs[company_id]
        return job


class InProcessQueue:
    """JobQueue in memory. Each line has places of its own (`places_of`), in which tenants take turns.

    Of three places or more, the last free one of a line is given only for a job of which its tenant has none running, and where
    none is free such a job gets one beyond, up to twice as many in all: long jobs of some don't make another one wait. A job that
    is lost with the process is enqueued again by the sweeper.
    """

    def __init__(self, concurrency: int) -> None:
        if concurrency < 1:
            raise ValueError("at least one job must be able to run")
        self._lines = {line: _Waiting(places) for line, places in places_of(concurrency).items()}
        self._handler: Handler | None = None
        self._stopped = False
        self._running: dict[str, tuple[Job, asyncio.Task[float | None]]] = {}
        self._once_more: set[str] = set()
        self._later: dict[str, asyncio.TimerHandle] = {}

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """Take jobs; one whose key is waiting already is dropped, one whose key is running is run once more after it.

        One that was to run again later runs now. After `stop` jobs are forgotten.
        """
        for job in jobs:
            self._take(job)
        self._fill()

    async def hand_on(self, job: Job) -> bool:
        """Run a job anew that gives no sign of life; what runs of it is canceled. False where it only waits for its turn."""
        if self._stopped or job.key in self._later or self._waits(job):
            return False
        if job.key in self._running:
            self._once_more.add(job.key)
            self._running[job.key][1].cancel()
        else:
            self._take(job)
            self._fill()
        return True

    async def start(self, handler: Handler) -> None:
        """Begin to run jobs."""
        self._handler = handler
        self._stopped = False
        self._fill()

    async def stop(self) -> None:
        """Take no more, cancel what runs (jobs are safe to run twice), wait until all is quiet."""
        self._stopped = True
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()
        for line in self._lines.values():
            line.clear()
        self._once_more.clear()
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def rest(self, seconds: float) -> None:
        """Wait so long: what is forgotten goes with the process."""
        await asyncio.sleep(seconds)

    async def depth(self) -> tuple[int, int]:
        """Waiting (with those that run again later) and running."""
        waiting = sum(map(len, self._lines.values()))
        return waiting + len(self._later) + len(self._once_more), len(self._running)

    def _take(self, job: Job) -> None:
        if self._stopped:
            return
        if job.key in self._running:
            self._once_more.add(job.key)
            return
        timer = self._later.pop(job.key, None)
        if timer is not None:
            timer.cancel()
        if not self._waits(job):
            self._lines[job.line].put(job)

    def _waits(self, job: Job) -> bool:
        """Whether it, or its twin of another line, waits for its turn."""
        return any(job in line for line in self._lines.values())

    def _fill(self) -> None:
        """Start as many jobs as may run."""
        if self._handler is None or self._stopped:
            return
        for name, line in self._lines.items():
            while job := line.next([each for each, _ in self._running.values() if each.line is name]):
                # A job belongs to nobody's request, so it does not inherit what is bound to one, such as its id in the log.
                task = asyncio.get_running_loop().create_task(within_deadline(self._handler, job), name=job.key, context=Context())
                self._running[job.key] = (job, task)
                task.add_done_callback(partial(self._ended, job))

    def _ended(self, job: Job, task: "asyncio.Task[float | None]") -> None:
        """Make room, tell of a bug, and see to it that the job runs again where it has to."""
        del self._running[job.key]
        again_in: float | None = None
        if not task.cancelled():
            error = task.exception()
            if error is None:
                again_in = task.result()
            else:
                log.error("job_failed", job=job.name.value, company_id=job.company_id, subject=job.subject, exc_info=error)
        if self._stopped:
            return
        if job.key in self._once_more:
            self._once_more.discard(job.key)
            self._take(job)
        elif again_in is not None:
            self._later[job.key] = asyncio.get_running_loop().call_later(max(again_in, 0.0), self._come_back, job)
        self._fill()

    def _come_back(self, job: Job) -> None:
        self._later.pop(job.key, None)
        self._take(job)
        self._fill()

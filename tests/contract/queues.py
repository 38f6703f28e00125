"""What the tests of queues share: a handler that tells what runs, and waiting for what a queue does."""

import asyncio
from collections.abc import Callable

from backend.core.model.job import Job, JobName, Line
from backend.core.ports.queue import JobQueue


def job(subject: str, company: str = "acme", name: JobName = JobName.PROCESS_DOCUMENTS, line: Line = Line.BULK) -> Job:
    return Job(name=name, company_id=company, subject=subject, line=line)


class Work:
    """A handler that tells what runs and holds jobs until they are let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.most = 0
        self.answers: dict[str, list[float | None]] = {}
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def __call__(self, job: Job) -> float | None:
        name = f"{job.company_id}/{job.subject}"
        self.begun.append(name)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        await self.go.wait()
        await asyncio.sleep(0)
        self.ended.append(name)
        answers = self.answers.get(job.subject)
        return answers.pop(0) if answers else None


async def quiet(queue: JobQueue) -> None:
    await depth(queue, (0, 0))


async def depth(queue: JobQueue, wanted: tuple[int, int]) -> None:
    async with asyncio.timeout(30):
        # A queue may live in another process, so asking it again and again is the only way for all of them.
        while await queue.depth() != wanted:
            await asyncio.sleep(0.002)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)

"""What the queue in memory does beside the contract: it forgets what waits when it stops."""

import asyncio

from backend.core.model.job import Job
from backend.storage.inprocess.queue import InProcessQueue
from tests.contract.queues import Work, job, quiet, until


async def test_stopping_cancels_what_runs_and_forgets_what_waits() -> None:
    queue, work = InProcessQueue(2), Work(held=True)
    begun: list[str] = []
    canceled: list[str] = []

    async def handler(job: Job) -> float | None:
        begun.append(job.subject)
        try:
            return await work(job) if job.subject != "timer" else 3_600.0
        except asyncio.CancelledError:
            canceled.append(job.subject)
            raise

    await queue.start(handler)
    await queue.enqueue([job("timer")])
    await until(lambda: begun == ["timer"])
    await queue.enqueue([job("a"), job("b"), job("c", company="other")])
    await until(lambda: len(work.begun) == 2)
    await queue.stop()
    assert len(canceled) == 2
    assert await queue.depth() == (0, 0)
    await queue.enqueue([job("d")])
    assert await queue.depth() == (0, 0)
    await queue.stop()
    work.go.set()
    await queue.start(work)
    await queue.enqueue([job("e")])
    await quiet(queue)
    assert work.ended == ["acme/e"]
    await queue.stop()

"""Running a job within its deadline, wherever the queue is."""

import asyncio

import structlog

from backend.core.model.job import DEADLINES, Job
from backend.core.ports.queue import Handler

log = structlog.get_logger()


async def within_deadline(handler: Handler, job: Job) -> float | None:
    """What the handler returns; None, and a line in the log, where the deadline passed."""
    deadline = asyncio.timeout(DEADLINES[job.name])
    try:
        async with deadline:
            return await handler(job)
    except TimeoutError:
        if not deadline.expired():
            raise
        log.error("job_deadline_passed", job=job.name.value, company_id=job.company_id, subject=job.subject)
        return None

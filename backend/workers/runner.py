"""Runs one job: binds its ids to the log, asks the error's verdict, and never lets one job hurt another."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from backend.core.errors import AppError, Retry
from backend.core.model.job import Job, JobName, preparing
from backend.core.ports.queue import Handler
from backend.core.ports.services import Services
from backend.core.usecases.tenants import sweep_after
from backend.observability.tracing import span
from backend.workers.jobs.briefs import prepare_briefs
from backend.workers.jobs.documents import process_documents, read_pictures
from backend.workers.jobs.exports import export_company
from backend.workers.jobs.nudges import read_nudges
from backend.workers.jobs.people import erase_person
from backend.workers.jobs.sync import sync_connection

log = structlog.get_logger()

JOBS: Final[dict[JobName, Callable[[Services, Job], Awaitable[float | None]]]] = {
    JobName.SYNC_CONNECTION: sync_connection,
    JobName.PROCESS_DOCUMENTS: process_documents,
    JobName.READ_PICTURES: read_pictures,
    JobName.READ_NUDGES: read_nudges,
    JobName.PREPARE_BRIEFS: prepare_briefs,
    JobName.ERASE_PERSON: erase_person,
    JobName.EXPORT_COMPANY: export_company,
}
_CHANGING: Final = (JobName.PROCESS_DOCUMENTS, JobName.ERASE_PERSON)
"""Jobs after which what agents see beside their tickets may be something else; what others change is processed."""
LATER_SECONDS: Final = 30.0
"""When a job is tried again that failed for a reason which passes, such as a full disk."""


def handler(services: Services) -> Handler:
    """The queue's handler over these services."""

    async def handle(job: Job) -> float | None:
        with (
            structlog.contextvars.bound_contextvars(job=job.name.value, job_id=job.key, company_id=job.company_id),
            span(job.name.value, job_id=job.key, company_id=job.company_id) as tell,
        ):
            try:
                seconds = await _run(services, job)
            except AppError as error:
                again = error.retry in (Retry.SOURCE_DOWN, Retry.LATER)
                log.warning("job_failed", code=error.code.value, message=error.message, again=again)
                seconds = (error.retry_after or LATER_SECONDS) if again else None
                services.meter.count("jobs", 1, name=job.name.value, outcome="again" if again else "failed")
                tell(outcome=error.code.value)
                return seconds
            services.meter.count("jobs", 1, name=job.name.value, outcome="done" if seconds is None else "again")
            return seconds

    return handle


async def _run(services: Services, job: Job) -> float | None:
    seconds = None
    try:
        seconds = await JOBS[job.name](services, job)
        if seconds is None and job.name in _CHANGING:
            await services.queue.enqueue([preparing(job.company_id)])
        return seconds
    finally:
        if seconds is None:
            # The tenant may have been deleted meanwhile, and the job have written behind the deletion.
            await sweep_after(services, job.company_id)

"""The job that erases a person."""

import structlog

from backend.core.ingest.pipeline import person_erase
from backend.core.model.job import Job
from backend.core.ports.services import Services

log = structlog.get_logger()


async def erase_person(services: Services, job: Job) -> float | None:
    """Go on with the erasure that the job is about."""
    again_in = await person_erase.erase_person(services, job.company_id, job.subject)
    log.info("erasure_done" if again_in is None else "erasure_goes_on", company_id=job.company_id, erasure_id=job.subject)
    return again_in

"""The job that takes a run as far as it goes."""

from backend.core.model.job import Job
from backend.core.ports.services import Services
from backend.core.usecases.sync import run_sync


async def sync_connection(services: Services, job: Job) -> float | None:
    """Go on with the run that the job is about."""
    return await run_sync(services, job.company_id, job.subject)

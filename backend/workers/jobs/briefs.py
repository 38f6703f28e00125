"""The job that makes briefs before agents open their tickets."""

from backend.core.model.job import Job
from backend.core.ports.services import Services
from backend.core.usecases import brief


async def prepare_briefs(services: Services, job: Job) -> float | None:
    """Make the briefs ahead of the tickets that agents will most likely open next."""
    return await brief.prepare_briefs(services, job.company_id)

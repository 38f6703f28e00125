"""The job that reads what webhooks told of."""

from backend.core.model.job import Job
from backend.core.ports.services import Services
from backend.core.usecases import nudges


async def read_nudges(services: Services, job: Job) -> float | None:
    """Read the tickets and articles that the connection's webhooks told of."""
    return await nudges.read_nudges(services, job.company_id, job.subject)

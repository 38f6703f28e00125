"""The job that processes what was stored."""

from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.job import Job
from backend.core.ports.services import Services


async def process_documents(services: Services, job: Job) -> float | None:
    """Summarize, embed and index the tenant's Documents until none is left."""
    return await process_pending(services, job.company_id)

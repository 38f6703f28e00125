"""The jobs that process what was stored."""

from backend.core.ingest.pipeline.pictures import read_waiting
from backend.core.ingest.pipeline.process import process_pending
from backend.core.model.job import Job
from backend.core.ports.services import Services


async def process_documents(services: Services, job: Job) -> float | None:
    """Summarize, embed and index the tenant's Documents until none is left."""
    return await process_pending(services, job.company_id)


async def read_pictures(services: Services, job: Job) -> float | None:
    """Recognize the words in the tenant's pictures and scans, and add them to their Documents."""
    return await read_waiting(services, job.company_id)

"""The jobs that process what was stored."""

from typing import Final

import structlog

from backend.core.ingest.pipeline.pictures import read_waiting
from backend.core.ingest.pipeline.points import switch_when_whole
from backend.core.ingest.pipeline.process import process_pending
from backend.core.ingest.pipeline.progress import wake_runs
from backend.core.model.job import Job, Line
from backend.core.ports.services import Services

log = structlog.get_logger()
QUICK_BATCHES: Final = 8


async def process_documents(services: Services, job: Job) -> float | None:
    """Summarize, embed and index the tenant's Documents until none is left; a new index is searched once it has them all.

    In the quick line it lets others have their turn after some hundreds.
    """
    again_in = await process_pending(services, job.company_id, most=QUICK_BATCHES if job.line is Line.QUICK else None)
    if again_in is None:
        await wake_runs(services, job.company_id)
    if again_in is None and await switch_when_whole(services, job.company_id):
        log.info("index_switched", company_id=job.company_id, makers=services.indexes.makers.id)
    return again_in


async def read_pictures(services: Services, job: Job) -> float | None:
    """Recognize the words in the tenant's pictures and scans, and add them to their Documents."""
    return await read_waiting(services, job.company_id)

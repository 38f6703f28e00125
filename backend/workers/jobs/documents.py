"""The jobs that process what was stored."""

from typing import Final

import structlog

from backend.core.ingest.pipeline.pictures import read_waiting
from backend.core.ingest.pipeline.points import switch_when_whole
from backend.core.ingest.pipeline.process import process_pending
from backend.core.ingest.pipeline.progress import wake_runs
from backend.core.model.job import Job
from backend.core.ports.services import Services

log = structlog.get_logger()
TURN_SECONDS: Final = 5.0
"""After so long a worker with more room may go on with what is left: jobs that began on one while others were busy don't stay there."""


async def process_documents(services: Services, job: Job) -> float | None:
    """Summarize, embed and index the tenant's Documents; a new index is searched once it has them all.

    It lets others have their turn after some seconds.
    """
    again_in = await process_pending(services, job.company_id, seconds=TURN_SECONDS)
    if again_in is None:
        await wake_runs(services, job.company_id)
    if again_in is None and await switch_when_whole(services, job.company_id):
        log.info("index_switched", company_id=job.company_id, makers=services.indexes.makers.id)
    return again_in


async def read_pictures(services: Services, job: Job) -> float | None:
    """Recognize the words in the tenant's pictures and scans, and add them to their Documents."""
    return await read_waiting(services, job.company_id)

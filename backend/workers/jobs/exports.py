"""The job that writes an export of a company."""

import structlog

from backend.core.model.job import Job
from backend.core.ports.services import Services
from backend.core.usecases import exports

log = structlog.get_logger()


async def export_company(services: Services, job: Job) -> float | None:
    """Write everything that is kept of the company as one zip; begun anew where it was broken off."""
    again_in = await exports.run_export(services, job.company_id, job.subject)
    log.info("export_ended" if again_in is None else "export_waits", company_id=job.company_id, export_id=job.subject)
    return again_in

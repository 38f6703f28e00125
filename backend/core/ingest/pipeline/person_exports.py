"""Exports of the company hold everybody: those that were written before a person was erased are deleted, others begin anew."""

from msgspec.structs import replace

from backend.core import clock
from backend.core.model.export import UNDER_WAY, ExportState
from backend.core.model.job import Job, JobName
from backend.core.model.tenant import AuditEntry
from backend.core.ports.services import Services


async def take_back_exports(services: Services, company_id: str, *, actor: str) -> None:
    """Delete what was written so far, files first; whoever is writing notices, and begins anew."""
    blobs = services.blobs.open(company_id)
    more = True
    while more:
        async with services.database.open(company_id) as uow:
            ended = [each for each in await uow.exports.list() if each.state not in UNDER_WAY]
        for export in ended:
            await blobs.delete(export.folder)
        gone = {each.export_id for each in ended}
        more = False
        async with services.database.open(company_id, write=True) as uow:
            for export in await uow.exports.list():
                if export.export_id in gone:
                    await uow.exports.delete(export.export_id)
                    await uow.audit.add(AuditEntry(at=clock.now(), actor=actor, action="export.delete", target=export.export_id))
                elif export.state in UNDER_WAY:
                    await uow.exports.put(replace(export, state=ExportState.QUEUED, attempt=export.attempt + 1, tries=0, resume_at=None))
                    uow.enqueue(Job(name=JobName.EXPORT_COMPANY, company_id=company_id, subject=export.export_id))
                else:
                    # It came to its end between the two looks.
                    more = True

"""Who did what."""

from backend.core.model.tenant import AuditEntry
from backend.core.ports.services import Services


async def list_audit(services: Services, company_id: str, *, limit: int) -> list[AuditEntry]:
    """The tenant's latest entries, newest first."""
    async with services.database.open(company_id) as uow:
        return await uow.audit.list(limit)

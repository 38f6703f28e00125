"""Who did what."""

from datetime import datetime

from msgspec import Struct

from backend.core.model.tenant import AuditEntry
from backend.core.ports.services import Services


class AuditQuery(Struct, frozen=True, kw_only=True):
    """Which entries to list; None asks for nothing."""

    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""
    actor: str | None = None
    action: str | None = None
    limit: int = 100
    after: str | None = None


async def list_audit(services: Services, company_id: str, query: AuditQuery) -> tuple[list[AuditEntry], str | None]:
    """A page of the tenant's entries, newest first, and the cursor of the next one. Raises INVALID_REQUEST for a strange cursor."""
    async with services.database.open(company_id) as uow:
        return await uow.audit.list(
            since=query.since, until=query.until, actor=query.actor, action=query.action, limit=query.limit, after=query.after
        )


async def list_operators_audit(services: Services, query: AuditQuery) -> tuple[list[AuditEntry], str | None]:
    """Likewise of what operators did that belongs to no tenant."""
    async with services.database.directory() as directory:
        return await directory.list_audit(since=query.since, until=query.until, action=query.action, limit=query.limit, after=query.after)

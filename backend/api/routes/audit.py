"""The audit log, for a tenant's admins."""

from fastapi import APIRouter, Query

from backend.api.deps import AuditCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.audit import AuditEntryOut
from backend.api.schemas.base import Items
from backend.core.model.tenant import AuditEntry
from backend.core.usecases import audit

router = APIRouter(prefix=f"{API}/audit", tags=["audit"])


@router.get("", response_model=Items[AuditEntryOut], responses=problems())
async def list_audit(services: ServicesDep, caller: AuditCaller, limit: int = Query(100, ge=1, le=1000)) -> dict[str, list[AuditEntry]]:
    """Who did what, newest first."""
    return {"items": await audit.list_audit(services, caller.company_id, limit=limit)}

"""The audit log, for a tenant's admins."""

from typing import Any

from fastapi import APIRouter, Query

from backend.api.deps import AuditCaller, OperatorCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.audit import AuditEntryOut
from backend.api.schemas.base import Moment, Page
from backend.core.usecases import audit

router = APIRouter(prefix=f"{API}/audit", tags=["audit"])
operators = APIRouter(prefix=f"{API}/operator/audit", tags=["audit"])


@router.get("", response_model=Page[AuditEntryOut], responses=problems())
async def list_audit(
    *,
    services: ServicesDep,
    caller: AuditCaller,
    since: Moment | None = Query(None, description="At or after this moment."),
    until: Moment | None = Query(None, description="Before this moment."),
    actor: str | None = Query(None, max_length=500, description="Who, such as `key:key_…`, `token:kim` or `operator`."),
    action: str | None = Query(None, max_length=100, description="What, such as `document.read`."),
    limit: int = Query(100, ge=1, le=1000),
    after: str | None = Query(None, max_length=500, description="`next` of the page before."),
) -> dict[str, Any]:
    """Who did what, newest first."""
    query = audit.AuditQuery(since=since, until=until, actor=actor or None, action=action or None, limit=limit, after=after)
    items, following = await audit.list_audit(services, caller.company_id, query)
    return {"items": items, "next": following}


@operators.get("", response_model=Page[AuditEntryOut], responses=problems())
async def list_operators_audit(
    *,
    services: ServicesDep,
    _: OperatorCaller,
    since: Moment | None = Query(None, description="At or after this moment."),
    until: Moment | None = Query(None, description="Before this moment."),
    action: str | None = Query(None, max_length=100, description="What, such as `tenant.create`."),
    limit: int = Query(100, ge=1, le=1000),
    after: str | None = Query(None, max_length=500, description="`next` of the page before."),
) -> dict[str, Any]:
    """What operators did that belongs to no company, or to one that is gone, newest first; the operator's key."""
    query = audit.AuditQuery(since=since, until=until, action=action or None, limit=limit, after=after)
    items, following = await audit.list_operators_audit(services, query)
    return {"items": items, "next": following}

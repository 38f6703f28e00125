"""What models cost."""

from datetime import date

from fastapi import APIRouter, Query

from backend.api.deps import ServicesDep, UsageCaller
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.usage import UsagesOut
from backend.core.usecases import usage

router = APIRouter(prefix=f"{API}/usage", tags=["usage"])


@router.get("", response_model=UsagesOut, responses=problems())
async def list_usage(
    services: ServicesDep,
    caller: UsageCaller,
    since: date | None = Query(None, description="First day (UTC); left out: the last 30."),
    until: date | None = Query(None, description="Last day (UTC); left out: today."),
) -> usage.UsageView:
    """Calls, tokens and money by day, model and purpose, and in all; what is left of the budget tells `GET /budget`."""
    return await usage.list_usage(services, caller.company_id, since=since, until=until)

"""What models cost, day by day."""

from datetime import date, timedelta

from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.budget import Usage, UsageRow
from backend.core.ports.services import Services

DEFAULT_DAYS = 30
MOST_DAYS = 400


class UsageView(Struct, frozen=True, kw_only=True):
    """What models cost in some days."""

    since: date
    until: date
    """The last of the days."""
    items: list[UsageRow]
    total: Usage


async def list_usage(services: Services, company_id: str, *, since: date | None = None, until: date | None = None) -> UsageView:
    """What these days (UTC) cost, both included; without `since` the last 30. Raises INVALID_REQUEST."""
    last = until or clock.now().date()
    first = since or last - min(timedelta(days=DEFAULT_DAYS - 1), last - date.min)
    if first > last:
        raise AppError(Code.INVALID_REQUEST, "since must not lie after until.")
    if (last - first).days > MOST_DAYS:
        raise AppError(Code.INVALID_REQUEST, f"Ask for at most {MOST_DAYS} days at once.")
    async with services.database.open(company_id) as uow:
        rows = await uow.usage.list(first, last)
    return UsageView(since=first, until=last, items=rows, total=sum((row.usage for row in rows), Usage()))

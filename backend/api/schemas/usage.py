"""JSON of what models cost."""

from datetime import date

from pydantic import Field

from backend.api.schemas.base import Items, Out
from backend.api.schemas.copilot import UsageOut
from backend.core.model.budget import Purpose


class UsageRowOut(Out):
    """Usage of one day, provider, model and purpose."""

    day: date
    provider: str
    model: str
    purpose: Purpose
    usage: UsageOut


class UsagesOut(Items[UsageRowOut]):
    """What models cost in some days (UTC)."""

    since: date
    until: date = Field(description="The last of the days.")
    total: UsageOut

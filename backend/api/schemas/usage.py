"""JSON of what models cost."""

from datetime import date

from backend.api.schemas.base import Out
from backend.api.schemas.copilot import UsageOut
from backend.core.model.budget import Purpose


class UsageRowOut(Out):
    """Usage of one day, provider, model and purpose."""

    day: date
    provider: str
    model: str
    purpose: Purpose
    usage: UsageOut

"""JSON of budgets for models."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import In, Out
from backend.api.schemas.copilot import UsageOut
from backend.core.model.budget import BudgetOwner


class LimitsIn(In):
    """Limits by UTC day and month; what is left out or null is no limit."""

    daily_usd: float | None = Field(None, ge=0, le=1e9, description="US dollars; calls of models without a price don't count.")
    monthly_usd: float | None = Field(None, ge=0, le=1e9)
    daily_tokens: int | None = Field(None, ge=0, le=10**15, description="Tokens both ways, embeddings too.")
    monthly_tokens: int | None = Field(None, ge=0, le=10**15)


class LimitsOut(Out):
    """Limits by UTC day and month; null is no limit."""

    daily_usd: float | None
    monthly_usd: float | None
    daily_tokens: int | None
    monthly_tokens: int | None


class BudgetSetOut(Out):
    """Limits that the operator or the tenant set; where both set one, the tighter holds."""

    owner: BudgetOwner
    limits: LimitsOut
    set_by: str
    set_at: datetime


class StandingOut(Out):
    """How the budget stands now."""

    limits: LimitsOut
    left: LimitsOut = Field(description="What is left of each limit, 0 at least; null where there is none.")
    day: UsageOut
    month: UsageOut
    reached: list[str] = Field(description="The limits that are used up.")
    resumes_at: datetime | None = Field(description="When these begin anew; null where none is used up.")
    unpriced: list[str] = Field(description="`provider/model` of calls this month whose cost is unknown: limits in money don't count them.")


class BudgetOut(Out):
    """What was set by whom, how it stands, and how many documents wait for it."""

    budgets: list[BudgetSetOut]
    standing: StandingOut
    waiting_documents: int

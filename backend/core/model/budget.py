"""Why a model was called, what it cost, and how much it may."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct


class Purpose(StrEnum):
    """Why a model was called; every call names one."""

    SUMMARY = "summary"
    ANSWER = "answer"
    REPLY = "reply"
    REWRITE = "rewrite"
    RERANK = "rerank"
    EMBED_DOCUMENT = "embed_document"
    EMBED_QUERY = "embed_query"


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens and money of one or more calls. Offline models use no tokens and cost nothing."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    """Of the calls whose model has a price."""
    unpriced_calls: int = 0
    """Calls of a model without a price: what they cost is not in `cost_usd`."""

    @property
    def known_cost_usd(self) -> float | None:
        """The cost as far as it is known; None where nothing of it is."""
        return None if self.unpriced_calls and not self.cost_usd else self.cost_usd

    @property
    def tokens(self) -> int:
        """Both ways."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
        )


class UsageRow(Struct, frozen=True, kw_only=True):
    """Usage of one tenant, day, provider, model and purpose."""

    day: date
    provider: str
    model: str
    purpose: Purpose
    usage: Usage


class Limits(Struct, frozen=True, kw_only=True):
    """How much models may cost by UTC day and month, in US dollars and in tokens both ways; None is no limit."""

    daily_usd: float | None = None
    monthly_usd: float | None = None
    daily_tokens: int | None = None
    monthly_tokens: int | None = None


class BudgetOwner(StrEnum):
    """Whose limits they are; where both set one, the tighter holds."""

    OPERATOR = "operator"
    TENANT = "tenant"


class Budget(Struct, frozen=True, kw_only=True):
    """Limits that somebody set for a tenant."""

    owner: BudgetOwner
    limits: Limits
    set_by: str
    """As in audit entries."""
    set_at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """How a tenant's budget stands at a moment."""

    limits: Limits
    """What holds: of each limit the tighter one."""
    day: Usage
    month: Usage
    reached: tuple[str, ...]
    """The limits that are used up, by name."""
    resumes_at: datetime | None
    """When all of these begin anew; None where none is used up."""
    unpriced: tuple[str, ...]
    """`provider/model` of calls this month whose cost nobody knows: limits in money don't count them."""


def month_of(at: datetime) -> date:
    """The first day of the moment's month (UTC)."""
    return at.date().replace(day=1)


def standing_of(budgets: Iterable[Budget], rows: Sequence[UsageRow], at: datetime) -> Standing:
    """How the budget stands; `rows` are those from the first of the month on."""
    limits = _tighter([budget.limits for budget in budgets])
    day = sum((row.usage for row in rows if row.day == at.date()), Usage())
    month = sum((row.usage for row in rows if row.day >= month_of(at)), Usage())
    spent = {"daily_usd": day.cost_usd, "monthly_usd": month.cost_usd, "daily_tokens": day.tokens, "monthly_tokens": month.tokens}
    reached = tuple(name for name, used in spent.items() if (limit := getattr(limits, name)) is not None and used >= limit)
    ends = [_next_month(at) if name.startswith("monthly") else at.date() + timedelta(days=1) for name in reached]
    return Standing(
        limits=limits,
        day=day,
        month=month,
        reached=reached,
        resumes_at=datetime.combine(max(ends), time(), at.tzinfo) if ends else None,
        unpriced=tuple(sorted({f"{row.provider}/{row.model}" for row in rows if row.usage.unpriced_calls})),
    )


def _tighter(every: Sequence[Limits]) -> Limits:
    def least(name: str) -> float | None:
        return min((limit for limits in every if (limit := getattr(limits, name)) is not None), default=None)

    tokens = {name: None if (limit := least(name)) is None else int(limit) for name in ("daily_tokens", "monthly_tokens")}
    return Limits(daily_usd=least("daily_usd"), monthly_usd=least("monthly_usd"), **tokens)


def _next_month(at: datetime) -> date:
    return (month_of(at) + timedelta(days=32)).replace(day=1)

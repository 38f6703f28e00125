"""Limits by day and month, whose hold, when they begin anew, and costs that nobody knows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from backend.core.model.budget import Budget, BudgetOwner, Limits, Purpose, Usage, UsageRow, standing_of

AT = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)


def _budget(owner: BudgetOwner, **limits: Any) -> Budget:
    return Budget(owner=owner, limits=Limits(**limits), set_by="operator", set_at=AT)


def _row(day: date, *, cost: float = 0.0, tokens: int = 0, unpriced: int = 0) -> UsageRow:
    usage = Usage(calls=1, input_tokens=tokens, cost_usd=cost, unpriced_calls=unpriced)
    return UsageRow(day=day, provider="openai", model="m", purpose=Purpose.SUMMARY, usage=usage)


def test_the_tighter_limit_holds_whoever_set_it() -> None:
    budgets = [_budget(BudgetOwner.OPERATOR, daily_usd=5, monthly_tokens=900), _budget(BudgetOwner.TENANT, daily_usd=9, daily_tokens=80)]
    standing = standing_of(budgets, [], AT)
    assert standing.limits == Limits(daily_usd=5, monthly_usd=None, daily_tokens=80, monthly_tokens=900)
    assert (standing.reached, standing.resumes_at) == ((), None)


@pytest.mark.parametrize(
    ("limits", "reached", "resumes"),
    [
        ({"daily_usd": 2}, ("daily_usd",), datetime(2027, 1, 1, tzinfo=UTC)),
        ({"daily_usd": 2.01}, (), None),
        ({"monthly_usd": 3}, ("monthly_usd",), datetime(2027, 1, 1, tzinfo=UTC)),
        ({"daily_tokens": 10, "monthly_tokens": 30}, ("daily_tokens", "monthly_tokens"), datetime(2027, 1, 1, tzinfo=UTC)),
        ({"daily_tokens": 0}, ("daily_tokens",), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_is_reached_and_until_when(limits: dict[str, float], reached: tuple[str, ...], resumes: datetime | None) -> None:
    rows = [_row(date(2026, 11, 30), cost=99), _row(date(2026, 12, 1), cost=1, tokens=20), _row(AT.date(), cost=2, tokens=10)]
    standing = standing_of([_budget(BudgetOwner.TENANT, **limits)], rows, AT)
    assert (standing.reached, standing.resumes_at) == (reached, resumes)


def test_what_is_left_of_each_limit_is_never_less_than_nothing() -> None:
    rows = [_row(date(2026, 12, 1), cost=1, tokens=20), _row(AT.date(), cost=2, tokens=10)]
    budgets = [_budget(BudgetOwner.TENANT, daily_usd=5, monthly_usd=2.5, daily_tokens=25)]
    assert standing_of(budgets, rows, AT).left == Limits(daily_usd=3, monthly_usd=0, daily_tokens=15, monthly_tokens=None)


def test_a_used_up_month_outlasts_a_used_up_day() -> None:
    at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    budgets = [_budget(BudgetOwner.TENANT, daily_usd=1, monthly_usd=1)]
    assert standing_of(budgets, [_row(at.date(), cost=1)], at).resumes_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert standing_of(budgets, [_row(date(2026, 11, 19), cost=0.5)], at).resumes_at is None


def test_an_unknown_cost_is_not_zero() -> None:
    unknown = _row(AT.date(), tokens=5, unpriced=1)
    assert unknown.usage.known_cost_usd is None
    assert (unknown.usage + _row(AT.date(), cost=2).usage).known_cost_usd == 2
    assert Usage(calls=3).known_cost_usd == 0
    assert standing_of([], [unknown], AT).unpriced == ("openai/m",)

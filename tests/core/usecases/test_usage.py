"""Days of usage."""

from datetime import date, timedelta

import pytest

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.usecases.usage import list_usage
from tests.api.house import House


async def test_the_last_thirty_days_or_those_asked_for(house: House) -> None:
    today = clock.now().date()
    rows = [
        UsageRow(day=today - timedelta(days=ago), provider="p", model="m", purpose=Purpose.ANSWER, usage=Usage(calls=1))
        for ago in (0, 29, 30)
    ]
    async with house.services.database.open("acme") as uow:
        await uow.usage.add(rows)
    month = await list_usage(house.services, "acme")
    assert {row.day for row in month.items} == {rows[0].day, rows[1].day}
    assert (month.since, month.until, month.total) == (rows[1].day, today, Usage(calls=2))
    longer = await list_usage(house.services, "acme", since=rows[2].day)
    assert (len(longer.items), longer.total.calls) == (3, 3)
    foreign = await list_usage(house.services, "bravo")
    assert (foreign.items, foreign.total) == ([], Usage())
    assert (await list_usage(house.services, "acme", until=date(1, 1, 2))).since == date.min, "the calendar has no day before"
    for since, until in ((today, today - timedelta(days=1)), (date(2000, 1, 1), today)):
        with pytest.raises(AppError) as refused:
            await list_usage(house.services, "acme", since=since, until=until)
        assert refused.value.code is Code.INVALID_REQUEST

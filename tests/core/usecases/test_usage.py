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
    assert {row.day for row in await list_usage(house.services, "acme")} == {rows[0].day, rows[1].day}
    assert len(await list_usage(house.services, "acme", since=rows[2].day)) == 3
    assert await list_usage(house.services, "bravo") == []
    for since, until in ((today, today - timedelta(days=1)), (date(2000, 1, 1), today)):
        with pytest.raises(AppError) as refused:
            await list_usage(house.services, "acme", since=since, until=until)
        assert refused.value.code is Code.INVALID_REQUEST

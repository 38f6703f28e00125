"""Logs are kept by months: whole months go, in both databases alike, and nobody else's rows with them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from backend.core.model.retention import Log, Retention
from backend.storage.sql.months import months_before
from tests.contract.records import Records, audit_entry, usage_row

TODAY = datetime.now(UTC).date()
OLD = months_before(TODAY, 5)


async def days(records: Records, company: str) -> list[date]:
    async with records.database.open(company) as work:
        return [row.day for row in await work.usage.list(date(2000, 1, 1), date(2100, 1, 1))]


async def entries(records: Records, company: str) -> list[datetime]:
    async with records.database.open(company) as work:
        return [entry.at for entry in await work.audit.list()]


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
async def logged(records: Records) -> Records:
    """Two tenants with rows of this month, the last one, and the last day of one five months ago."""
    for company in ("acme", "other"):
        async with records.database.open(company) as work:
            for day in (TODAY, months_before(TODAY, 1), months_before(TODAY, 4) - timedelta(days=1)):
                await work.usage.add([replace(usage_row(), day=day)])
                await work.audit.add(replace(audit_entry(), at=at(day)))
    return records


async def test_nothing_is_dropped_unless_asked_for(logged: Records) -> None:
    before = await days(logged, "acme"), await entries(logged, "acme")
    kept = await logged.database.keep_months(Retention(), TODAY)
    assert kept.dropped == []
    assert (await days(logged, "acme"), await entries(logged, "acme")) == before
    assert len(before[0]) == len(before[1]) == 3


async def test_whole_months_go_for_everybody_and_each_log_by_its_own_limit(logged: Records) -> None:
    kept = await logged.database.keep_months(Retention(usage_months=4), TODAY)
    assert len(kept.dropped) == 1
    assert kept.dropped[0].startswith(Log.USAGE.value)
    for company in ("acme", "other"):
        assert await days(logged, company) == sorted({TODAY, months_before(TODAY, 1)})
        assert len(await entries(logged, company)) == 3
    assert (await logged.database.keep_months(Retention(usage_months=4), TODAY)).dropped == [], "it is done"
    await logged.database.keep_months(Retention(usage_months=4, audit_months=1), TODAY)
    assert len(await entries(logged, "acme")) == 2


async def test_a_month_that_was_dropped_can_be_written_again(logged: Records) -> None:
    await logged.database.keep_months(Retention(usage_months=1), TODAY)
    async with logged.database.open("acme") as work:
        await work.usage.add([replace(usage_row(), day=OLD)])
        await work.usage.add([replace(usage_row(), day=OLD)])
        assert [row.usage.calls for row in await work.usage.list(OLD, OLD)] == [2 * usage_row().usage.calls]
    await logged.database.keep_months(Retention(), TODAY)
    assert OLD in await days(logged, "acme")


def test_months_are_counted_over_years() -> None:
    assert months_before(date(2026, 1, 31), 1) == date(2025, 12, 1)
    assert months_before(date(2026, 1, 31), 0) == date(2026, 1, 1)
    assert months_before(date(2026, 11, 5), -3) == date(2027, 2, 1)
    assert months_before(date(2026, 3, 1), 25) == date(2024, 2, 1)

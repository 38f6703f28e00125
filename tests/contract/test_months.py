"""What piles up is kept by months: whole months go, in both databases alike, and nobody else's rows with them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from backend.core.model.budget import Purpose
from backend.core.model.retention import Log, Retention
from backend.storage.sql.months import months_before
from backend.storage.sql.tables_judged import paid_results
from backend.storage.sql.unit_of_work import SqlDatabase, over_all
from tests.contract.records import Records, answer, audit_entry, doc, usage_row

TODAY = datetime.now(UTC).date()
OLD = months_before(TODAY, 5)


async def days(records: Records, company: str) -> list[date]:
    async with records.database.open(company) as work:
        return [row.day for row in await work.usage.list(date(2000, 1, 1), date(2100, 1, 1))]


async def entries(records: Records, company: str) -> list[datetime]:
    async with records.database.open(company) as work:
        return [entry.at for entry in (await work.audit.list())[0]]


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


async def test_answers_and_paid_results_go_by_months_too(records: Records) -> None:
    for company in ("acme", "other"):
        async with records.database.open(company) as work:
            for name, day in (("ans_old", OLD), ("ans_new", TODAY)):
                await work.feedback.put_answer(replace(answer(name, doc(1)), created_at=at(day)))
            await work.usage.put_cached({"old": b"1", "new": b"2", "again": b"3"}, Purpose.SUMMARY)
        await grow_old(records, company, "old", "again")
        async with records.database.open(company) as work:
            await work.usage.put_cached({"again": b"4"}, Purpose.SUMMARY)
            assert await work.usage.get_cached(["old", "new", "again"]) == {"old": b"1", "new": b"2", "again": b"4"}
    assert (await records.database.keep_months(Retention(), TODAY)).dropped == []
    dropped = (await records.database.keep_months(Retention(answer_months=4), TODAY)).dropped
    assert [name.split("_")[0].split()[0] for name in dropped] == [Log.ANSWERS]
    for company in ("acme", "other"):
        async with records.database.open(company) as work:
            assert await work.feedback.get_answer("ans_old") is None
            assert (await work.feedback.get_answer("ans_new")) is not None
            assert await work.usage.get_cached(["old"]) == {"old": b"1"}
    await records.database.keep_months(Retention(paid_months=4), TODAY)
    for company in ("acme", "other"):
        async with records.database.open(company) as work:
            assert await work.usage.get_cached(["old", "new", "again"]) == {"new": b"2", "again": b"4"}


async def grow_old(records: Records, company: str, *keys: str) -> None:
    """These results were paid for months ago."""
    assert isinstance(records.database, SqlDatabase)
    async with over_all(records.database._engines) as transaction:
        await transaction.act_for(company)
        mine = (paid_results.c.company_id == company, paid_results.c.cache_key.in_(keys))
        await transaction.write(update(paid_results).where(*mine).values(stored_at=at(OLD)))


def test_months_are_counted_over_years() -> None:
    assert months_before(date(2026, 1, 31), 1) == date(2025, 12, 1)
    assert months_before(date(2026, 1, 31), 0) == date(2026, 1, 1)
    assert months_before(date(2026, 11, 5), -3) == date(2027, 2, 1)
    assert months_before(date(2026, 3, 1), 25) == date(2024, 2, 1)

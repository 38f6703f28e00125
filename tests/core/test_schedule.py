"""From a schedule to the next moment: fixed grids, cron in any zone, daylight saving, and errors that say what to write."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.schedule import Schedule
from backend.core.schedule import check, next_run

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_interval_keeps_its_grid_whenever_it_is_asked() -> None:
    every = Schedule(every_seconds=900)
    first = next_run(every, NOW, "conn_1")
    assert NOW < first <= NOW + timedelta(seconds=900)
    for seconds in (0, 1, 300):
        assert next_run(every, first + timedelta(seconds=seconds), "conn_1") == first + timedelta(seconds=900)
    assert next_run(every, first + timedelta(days=3, seconds=1), "conn_1") == first + timedelta(days=3, seconds=900), "missed ones are one"


def test_connections_do_not_begin_together() -> None:
    begins = {next_run(Schedule(every_seconds=900), NOW, f"conn_{number}") for number in range(200)}
    assert len(begins) > 150
    crons = {next_run(Schedule(cron="0 3 * * *"), NOW, f"conn_{number}") for number in range(200)}
    assert len(crons) > 40
    assert max(crons) - min(crons) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "wanted"),
    [
        ("0 3 * * *", "Asia/Seoul", "2026-03-01T12:00:00+00:00", "2026-03-02T03:00:00+09:00"),
        ("0 3 * * *", "UTC", "2026-03-01T12:00:00+00:00", "2026-03-02T03:00:00+00:00"),
        ("0 9 * * MON", "Europe/Berlin", "2026-03-24T12:00:00+00:00", "2026-03-30T09:00:00+02:00"),
        # Half past two does not exist on this night in New York, and comes twice on the other.
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00:00+00:00", "2026-03-08T03:00:00-04:00"),
        ("30 2 * * *", "America/New_York", "2026-03-08T12:00:00+00:00", "2026-03-09T02:30:00-04:00"),
        ("30 1 * * *", "America/New_York", "2026-11-01T00:00:00+00:00", "2026-11-01T01:30:00-04:00"),
        ("30 1 * * *", "America/New_York", "2026-11-01T12:00:00+00:00", "2026-11-02T01:30:00-05:00"),
    ],
)
def test_cron_is_read_in_its_zone(cron: str, zone: str, after: str, wanted: str) -> None:
    found = next_run(Schedule(cron=cron, timezone=zone), at(after), "conn_1")
    assert timedelta() <= found - at(wanted) < timedelta(minutes=1)
    assert found.tzinfo is UTC


def test_a_cron_run_comes_once_though_it_begins_later_than_named() -> None:
    hourly = Schedule(cron="0 * * * *")
    first = next_run(hourly, NOW + timedelta(seconds=90), "conn_1")
    assert next_run(hourly, first, "conn_1") == first + timedelta(hours=1)
    assert next_run(hourly, first - timedelta(seconds=1), "conn_1") == first


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (Schedule(), "either an interval or a cron"),
        (Schedule(every_seconds=900, cron="0 3 * * *"), "either an interval or a cron"),
        (Schedule(every_seconds=5), "5 minutes"),
        (Schedule(every_seconds=299), "webhook"),
        (Schedule(cron="* * * * *"), "write `*/5 * * * *`"),
        (Schedule(cron="0,4 3 1 * *"), "every 5 minutes"),
        (Schedule(cron="0,58 * * * *"), "every 5 minutes"),
        (Schedule(every_seconds=10**9), "31 days"),
        (Schedule(cron="every day"), "minute, hour, day"),
        (Schedule(cron="0 25 * * *"), "minute, hour, day"),
        (Schedule(cron="0 0 31 2 *"), "ever comes"),
        (Schedule(cron="0 3 * * *", timezone="Seoul"), "Asia/Seoul"),
        (Schedule(cron="0 3 * * *", timezone="../../etc/passwd"), "Asia/Seoul"),
        (Schedule(cron="0 3 * * *", timezone=""), "Asia/Seoul"),
    ],
)
def test_what_can_not_be_is_refused_with_what_to_write(schedule: Schedule, says: str) -> None:
    with pytest.raises(AppError) as refused:
        check(schedule)
    assert refused.value.code is Code.INVALID_REQUEST
    assert says in refused.value.message


@pytest.mark.parametrize("cron", ["*/5 * * * *", "0,55 * * * *", "0 0 29 2 *", "30 2 * * *", "0 3 L * *"])
def test_what_comes_every_five_minutes_or_less_often_is_taken(cron: str) -> None:
    check(Schedule(cron=cron, timezone="America/New_York"))
    check(Schedule(every_seconds=300))

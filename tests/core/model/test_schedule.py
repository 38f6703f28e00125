"""When a schedule comes: intervals on a grid, cron expressions in local time, and changes to and from summer time."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from backend.core.model.schedule import Schedule, check_schedule, next_after

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def moments(schedule: Schedule, after: str, number: int, *, key: str = "conn_1", jitter: int = 0) -> list[datetime]:
    """The schedule's next moments."""
    found, at = [], datetime.fromisoformat(after)
    for _ in range(number):
        following = next_after(schedule, key, at, jitter)
        assert following is not None
        at = following
        found.append(at)
    return found


@pytest.mark.parametrize(
    ("cron", "timezone", "after", "expected"),
    [
        # Seoul has no summer time: 03:00 is 18:00 UTC all the year.
        ("0 3 * * *", "Asia/Seoul", "2026-03-07T18:00:00+00:00", ["2026-03-08T18:00", "2026-03-09T18:00"]),
        # New York, 2026-03-08: 02:00 becomes 03:00, and 02:30 does not exist: it comes right after.
        ("30 2 * * *", "America/New_York", "2026-03-07T08:00:00+00:00", ["2026-03-08T07:00", "2026-03-09T06:30"]),
        ("0 9 * * *", "America/New_York", "2026-03-07T15:00:00+00:00", ["2026-03-08T13:00", "2026-03-09T13:00"]),
        # 2026-11-01: 02:00 becomes 01:00, and 01:30 is there twice: it comes once.
        ("30 1 * * *", "America/New_York", "2026-10-31T06:00:00+00:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # What comes all the time comes in the repeated hour too.
        ("*/30 * * * *", "America/New_York", "2026-11-01T05:00:00+00:00", ["2026-11-01T05:30", "2026-11-01T06:00", "2026-11-01T06:30"]),
        # Berlin, 2026-03-29 and 2026-10-25.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00+00:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T02:00:00+00:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        # Lord Howe moves by half an hour only, 2026-10-04.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00+00:00", ["2026-10-03T15:30", "2026-10-04T15:15"]),
    ],
)
def test_cron_means_local_time(cron: str, timezone: str, after: str, expected: list[str]) -> None:
    found = moments(Schedule(cron=cron, timezone=timezone), after, len(expected))
    assert [each.strftime("%Y-%m-%dT%H:%M") for each in found] == expected
    assert {each.tzinfo for each in found} == {UTC}


def test_an_interval_keeps_its_grid_and_comes_once_after_downtime() -> None:
    schedule = Schedule(every_seconds=900)
    found = moments(schedule, NOW.isoformat(), 10)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=15)}
    late = next_after(schedule, "conn_1", found[0] + timedelta(hours=9, minutes=1), 0)
    assert late is not None
    assert (late - found[0]) % timedelta(minutes=15) == timedelta(0), "the grid is the same after a long night"
    assert late - (found[0] + timedelta(hours=9, minutes=1)) >= timedelta(minutes=7, seconds=29), "never right behind a late one"


def test_connections_do_not_begin_together_and_each_keeps_its_place() -> None:
    keys = [f"conn_{number}" for number in range(200)]
    every = [next_after(Schedule(every_seconds=900), key, NOW, 0) for key in keys]
    assert every == [next_after(Schedule(every_seconds=900), key, NOW, 0) for key in keys]
    assert len(set(every)) > 150
    nightly = [moments(Schedule(cron="0 3 * * *"), NOW.isoformat(), 2, key=key, jitter=120) for key in keys]
    delays = [(first - datetime(2026, 11, 22, 3, tzinfo=UTC)).total_seconds() for first, _ in nightly]
    assert len(set(delays)) > 60
    assert 0 <= min(delays) <= max(delays) < 120
    assert all(second - first == timedelta(days=1) for first, second in nightly), "no moment is skipped or comes twice"


def test_off_never_comes() -> None:
    assert next_after(Schedule(), "conn_1", NOW, 0) is None
    assert not Schedule().enabled


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (Schedule(every_seconds=900, cron="0 3 * * *"), "not both"),
        (Schedule(every_seconds=60), "between 300 seconds and 30 days"),
        (Schedule(every_seconds=40 * 86_400), "between 300 seconds and 30 days"),
        (Schedule(cron="0 3 * *"), "write five fields"),
        (Schedule(cron="매일 세 시"), "write five fields"),
        (Schedule(cron="61 * * * *"), "Bad minute"),
        (Schedule(cron="0 0 30 2 *"), "30 2"),
        (Schedule(cron="* * * * *"), "more often than every 300 seconds"),
        (Schedule(cron="0,1 3 * * *"), "more often than every 300 seconds"),
        (Schedule(cron="0 3 * * *", timezone="Asia/Pyeongtaek"), "IANA name such as Asia/Seoul"),
        (Schedule(cron="0 3 * * *", timezone="../../etc/passwd"), "IANA name such as Asia/Seoul"),
        (Schedule(cron="0 3 * * *", timezone=""), "IANA name such as Asia/Seoul"),
    ],
)
def test_what_cannot_be_followed_says_what_to_do(schedule: Schedule, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        check_schedule(schedule, NOW, 300)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(every_seconds=300),
        Schedule(cron="*/5 * * * *", timezone="America/New_York"),
        Schedule(cron="0 3 29 2 *", timezone="Asia/Seoul"),
        Schedule(cron="30 9-18 * * MON-FRI", timezone="Asia/Seoul"),
    ],
)
def test_what_can_be_followed_passes(schedule: Schedule) -> None:
    check_schedule(schedule, NOW, 300)

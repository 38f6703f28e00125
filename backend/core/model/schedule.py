"""When a connection is synced by itself: an interval or a cron expression, and the next moment of either."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct

DEFAULT_SECONDS: Final = 900
"""How often a new connection is synced."""
LONGEST_SECONDS: Final = 30 * 86_400
_LOOKED_AT: Final = 500
"""So many moments of a cron expression are looked at to find its shortest gap: more than a day of every five minutes."""


class Schedule(Struct, frozen=True, kw_only=True):
    """An interval or a cron expression; with neither nothing is synced by itself."""

    every_seconds: int | None = None
    cron: str | None = None
    """Five fields, as in crontab(5)."""
    timezone: str = "UTC"
    """IANA name; the cron expression is meant in this zone's local time."""

    @property
    def enabled(self) -> bool:
        """Whether anything is synced by itself."""
        return self.every_seconds is not None or self.cron is not None


class Due(Struct, frozen=True, kw_only=True):
    """A connection whose time has come."""

    company_id: str
    connection_id: str
    at: datetime


DEFAULT_SCHEDULE: Final = Schedule(every_seconds=DEFAULT_SECONDS)


def next_after(schedule: Schedule, key: str, moment: datetime, jitter_seconds: int) -> datetime | None:
    """The next moment of the schedule, in UTC; None where it is off.

    `key` (the connection's id) moves it by an amount of its own, so that many connections with one schedule don't begin
    together. An interval has a fixed grid, and the next point is at least half an interval away: after a late run there is
    no other one right behind it. A cron expression is moved by less than `jitter_seconds`; local times that a change to
    summer time leaves out come right after it, and those that a change back repeats come once.
    """
    if schedule.every_seconds is not None:
        every = schedule.every_seconds
        earliest = moment.timestamp() + every / 2
        offset = _share(key) * every
        return datetime.fromtimestamp(offset + -(-(earliest - offset) // every) * every, UTC).replace(microsecond=0)
    if schedule.cron is not None:
        delay = timedelta(seconds=int(_share(key) * jitter_seconds))
        # Its own moments are those of the expression with the delay: the one after `moment` is meant.
        local = (moment - delay).astimezone(ZoneInfo(schedule.timezone))
        return next(CronSim(schedule.cron, local)).astimezone(UTC) + delay
    return None


def check_schedule(schedule: Schedule, moment: datetime, least_seconds: int) -> None:
    """Raises ValueError, with what to do, for a schedule that can't be followed."""
    if schedule.every_seconds is not None and schedule.cron is not None:
        raise ValueError("Give either an interval or a cron expression, not both.")
    if schedule.every_seconds is not None and not least_seconds <= schedule.every_seconds <= LONGEST_SECONDS:
        raise ValueError(f"The interval must be between {least_seconds} seconds and 30 days; a helpdesk's quota is not for us alone.")
    try:
        zone = ZoneInfo(schedule.timezone)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"There is no time zone {schedule.timezone!r}; use an IANA name such as Asia/Seoul or UTC.") from None
    if schedule.cron is None:
        return
    try:
        moments = CronSim(schedule.cron, moment.astimezone(zone))
        before = next(moments)
    except CronSimError as error:
        raise ValueError(f"{schedule.cron!r} is no cron expression ({error}); write five fields, such as '0 3 * * *'.") from None
    except StopIteration:
        raise ValueError(f"{schedule.cron!r} never comes; write a day that exists, such as '0 3 1 * *'.") from None
    for _, after in zip(range(_LOOKED_AT), moments, strict=False):
        if (after - before).total_seconds() < least_seconds and after.utcoffset() == before.utcoffset():
            raise ValueError(f"{schedule.cron!r} comes more often than every {least_seconds} seconds; write for example '*/15 * * * *'.")
        before = after


def _share(key: str) -> float:
    """A number from 0 up to 1 that is always the same for the key, on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64

"""From a Schedule to the next moment it names.

Each connection has an offset of its own, the same on every machine and after every start, so that the connections of many
tenants don't begin at the same second. An interval has a fixed grid of moments: a run that starts late, or a night without
power, moves nothing and is made up for once.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cronsim import CronSim, CronSimError

from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.schedule import LEAST_SECONDS, MOST_SECONDS, Schedule

_CRON_SPREAD: Final = 60
"""A cron run begins up to so many seconds after the minute it names."""
_LOOK_AHEAD: Final = 100
_SOONER: Final = "For changes within seconds set up a webhook: desklore connections webhook."
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


def check(schedule: Schedule) -> None:
    """Raises INVALID_REQUEST with what to write instead."""
    if (schedule.every_seconds is None) == (schedule.cron is None):
        raise AppError(Code.INVALID_REQUEST, "Give a schedule either an interval or a cron expression.")
    if schedule.every_seconds is not None and not LEAST_SECONDS <= schedule.every_seconds <= MOST_SECONDS:
        raise AppError(
            Code.INVALID_REQUEST,
            f"An interval lies between {LEAST_SECONDS // 60} minutes and {MOST_SECONDS // 86400} days. {_SOONER}",
        )
    try:
        zone = ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AppError(
            Code.INVALID_REQUEST, f"There is no time zone {schedule.timezone[:60]!r}; write it as Asia/Seoul or America/New_York."
        ) from None
    if schedule.cron is not None:
        try:
            next(CronSim(schedule.cron, datetime.now(zone)))
        except (CronSimError, StopIteration):
            raise AppError(
                Code.INVALID_REQUEST,
                f"{schedule.cron[:60]!r} is no cron expression that ever comes; write minute, hour, day, month and weekday, "
                "such as `0 3 * * *` for three in the morning.",
            ) from None
        if _least_gap(schedule.cron) < timedelta(seconds=LEAST_SECONDS):
            every = LEAST_SECONDS // 60
            raise AppError(
                Code.INVALID_REQUEST,
                f"{schedule.cron[:60]!r} comes more often than every {every} minutes; write `*/{every} * * * *` or less often. {_SOONER}",
            )


def _least_gap(cron: str) -> timedelta:
    """The shortest time between two moments it names, of its next hundred; in UTC, where no hour is left out or comes twice."""
    moments = islice(CronSim(cron, datetime.now(UTC)), _LOOK_AHEAD)
    return min((after - before for before, after in pairwise(moments)), default=timedelta.max)


def next_run(schedule: Schedule, after: datetime, key: str) -> datetime:
    """The first moment behind `after`, in UTC. `key` is the connection's id."""
    shift = int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big")
    if schedule.every_seconds is not None:
        every = timedelta(seconds=schedule.every_seconds)
        offset = timedelta(seconds=shift % schedule.every_seconds)
        return _EPOCH + offset + every * ((after - _EPOCH - offset) // every + 1)
    offset = timedelta(seconds=shift % _CRON_SPREAD)
    # What was named within the last minute may still be to come, later by the offset.
    moments = CronSim(schedule.cron or "", (after - offset).astimezone(ZoneInfo(schedule.timezone)))
    return next(moments).astimezone(UTC) + offset


def planned(connection: Connection, now: datetime) -> Connection:
    """The connection with the moment of its next run by the clock, where it has one."""
    at = None
    if connection.schedule is not None and connection.state is ConnectionState.ACTIVE:
        at = next_run(connection.schedule, now, connection.connection_id)
    return msgspec.structs.replace(connection, next_run_at=at)

"""When a connection is synced by itself."""

from typing import Final

from msgspec import Struct

LEAST_SECONDS: Final = 60
MOST_SECONDS: Final = 31 * 24 * 3600
EVERY_QUARTER: Final = 900


class Schedule(Struct, frozen=True, kw_only=True):
    """An interval or a cron expression; exactly one of the two."""

    every_seconds: int | None = None
    cron: str | None = None
    """Five fields: minute, hour, day of month, month, day of week."""
    timezone: str = "UTC"
    """IANA name of the zone the cron expression is read in, such as `Asia/Seoul`."""


DEFAULT_SCHEDULE: Final = Schedule(every_seconds=EVERY_QUARTER)

"""When a connection is synced by itself."""

from typing import Final

from msgspec import Struct

LEAST_SECONDS: Final = 300
"""Sooner a sync is of no use: it spends calls of the helpdesk's quota even where nothing changed, the smallest of which are 50 a
minute for people and syncs together, and a webhook tells of a change within seconds.
"""
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

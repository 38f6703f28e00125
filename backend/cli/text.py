"""How moments and long texts are shown on a terminal."""

from datetime import UTC, datetime
from typing import Any, Final

from backend.cli.errors import CliError, Exit

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def day(value: str | None) -> str:
    """A moment of the API as `2026-11-20 09:00` in local time; empty for none."""
    return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M") if value else ""


def moment(value: datetime | None) -> str | None:
    """A moment that was typed, as the API wants it; without a zone it is UTC."""
    if value is None:
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()


def short(text: str | None, length: int = 60) -> str:
    """One line of at most so many characters."""
    line = " ".join((text or "").split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def seconds_of(interval: str) -> int:
    """`90s`, `15m`, `2h` or `1d` in seconds. Raises CliError for anything else."""
    number, unit = interval[:-1], interval[-1:]
    if not number.isdecimal() or unit not in _UNITS:
        raise CliError(Exit.USAGE, f"{interval!r} is no interval; write a number and s, m, h or d, such as 15m.", code="wrong_usage")
    return int(number) * _UNITS[unit]


def rhythm(schedule: dict[str, Any]) -> str:
    """A schedule of the API as people say it."""
    if schedule["cron"]:
        return f"{schedule['cron']} ({schedule['timezone']})"
    if not schedule["every_seconds"]:
        return "off"
    seconds = schedule["every_seconds"]
    unit = next(unit for unit in reversed(_UNITS) if seconds % _UNITS[unit] == 0)
    return f"every {seconds // _UNITS[unit]}{unit}"


def next_run(connection: dict[str, Any]) -> str:
    """When a connection is synced next, in local time; what it waits for where that can't be told."""
    if not connection["schedule"]["enabled"]:
        return ""
    if connection["state"] != "active":
        return str(connection["state"])
    return day(connection["next_run_at"]) or "after the first sync"

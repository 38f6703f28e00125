"""Times as people and programs write them, with or without a zone, as moments in UTC."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from backend.adapters.file.tables.layout import BadRowError

_NUMBERS: Final = re.compile(r"\d+")
_AFTERNOON: Final = re.compile(r"오후|\bp\.?m\.?", re.IGNORECASE)
_MORNING: Final = re.compile(r"오전|\ba\.?m\.?", re.IGNORECASE)
_ZONE: Final = re.compile(r"(?:\s*(?P<utc>UTC|GMT|Z)|\s*(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2}))$")
_KST: Final = re.compile(r"\s*KST$")
_WORDS: Final = re.compile(r"[a-z]{3}", re.IGNORECASE)
_EXCEL_DAY_ZERO: Final = datetime(1899, 12, 30, tzinfo=UTC)
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST_SECONDS: Final = 4_102_444_800
"""2100: what is more is in milliseconds."""
_EPOCH_FROM: Final = 315_532_800
_REMEMBERED: Final = 256
"""A row's times are asked for twice, and rows of one ticket share them."""


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """The zone. Raises KeyError's kin, or ValueError, where there is none of this name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def moment_of(value: Any, timezone: str, *, day_first: bool = False) -> datetime | None:
    """A moment in UTC, None for an empty cell. Raises BadRowError where it is no time."""
    if value is None:
        return None
    text = str(value).strip()
    return _moment(text, timezone, day_first=day_first) if text and text != "-" else None


@lru_cache(maxsize=_REMEMBERED)
def _moment(text: str, timezone: str, *, day_first: bool) -> datetime:
    try:
        found = _read(text, timezone, day_first=day_first)
    except (ValueError, OverflowError, TypeError):
        raise BadRowError(f"no time can be read in {text[:40]!r}") from None
    return found if found.tzinfo is UTC else found.astimezone(UTC)


def _read(text: str, timezone: str, *, day_first: bool) -> datetime:
    if text[:4].isdecimal() and len(text) >= 10 and text[4] == "-":
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return found if found.tzinfo is not None else found.replace(tzinfo=zone_of(timezone))
    if text.replace(".", "", 1).isdecimal() and text.count(".") < 2:
        return _of_number(float(text))
    if _WORDS.search(text) and "," in text:
        try:
            found = parsedate_to_datetime(text)
        except ValueError:
            pass
        else:
            return found if found.tzinfo is not None else found.replace(tzinfo=zone_of(timezone))
    return _of_parts(text, timezone, day_first=day_first)


def _of_number(number: float) -> datetime:
    """Seconds or milliseconds since 1970, or a spreadsheet's days since 1900."""
    if number > _LATEST_SECONDS:
        number /= 1000
    if number >= _EPOCH_FROM:
        return datetime.fromtimestamp(number, UTC)
    found = _EXCEL_DAY_ZERO + timedelta(days=number)
    if found < _EARLIEST:
        raise ValueError
    return found


def _of_parts(text: str, timezone: str, *, day_first: bool) -> datetime:
    """`2025. 11. 3. 오후 2:05`, `11/03/2025 14:05`, `2025년 11월 3일`, with a zone behind it perhaps."""
    offset: timedelta | None = None
    if _KST.search(text):
        text, offset = _KST.sub("", text), timedelta(hours=9)
    # In `03-11-2025` what follows the last minus is a year and no zone.
    elif ":" in text and (zone := _ZONE.search(text)) is not None:
        text = text[: zone.start()]
        minutes = 0 if zone["utc"] else int(zone["hours"]) * 60 + int(zone["minutes"])
        offset = timedelta(minutes=-minutes if zone["sign"] == "-" else minutes)
    numbers = _NUMBERS.findall(text)
    if len(numbers) < 3 or len(numbers) > 7:
        raise ValueError
    if len(numbers[0]) == 4:
        year, month, day = (int(each) for each in numbers[:3])
    else:
        first, second, year = (int(each) for each in numbers[:3])
        year += 2000 if year < 100 else 0
        day, month = (first, second) if day_first or first > 12 else (second, first)
    hour, minute, second_of = (int(each) for each in (*numbers[3:6], "0", "0", "0")[:3])
    if _AFTERNOON.search(text) and hour < 12:
        hour += 12
    elif _MORNING.search(text) and hour == 12:
        hour = 0
    found = datetime(year, month, day, hour, minute, second_of, tzinfo=UTC)
    return found - offset if offset is not None else found.replace(tzinfo=zone_of(timezone))

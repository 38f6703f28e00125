"""Reading fields of Zendesk's payloads: only what an item can't be without has to have its shape, all else is left out where it is odd."""

import math
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from backend.core import clock
from backend.core.errors import AppError, Code

Record = Mapping[str, Any]
"""A JSON object as Zendesk sent it."""
_LARGEST: Final = 2**53
_YEAR_2100: Final = 4_102_444_800


def malformed(field: str, what: str = "") -> AppError:
    """The error for a field that an item can't be without."""
    seen = f": {what}" if what else ""
    return AppError(Code.SOURCE_MALFORMED, f"Zendesk sent `{field}` in a shape its API does not document{seen}.", details={"field": field})


def record_of(value: Any, field: str) -> Record:
    """A JSON object that has to be there."""
    if not isinstance(value, dict):
        raise malformed(field, type(value).__name__)
    return value


def child(record: Record, field: str) -> Record:
    """An object within another; empty where there is none."""
    value = record.get(field)
    return value if isinstance(value, dict) else {}


def records(record: Record, field: str) -> list[Record]:
    """The objects of a list within another; what is no object is left out."""
    value = record.get(field)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(record: Record, field: str) -> str:
    """A text; empty where there is none."""
    value = record.get(field)
    return value if isinstance(value, str) else ""


def ident(record: Record, field: str) -> str | None:
    """An id as text, whatever its size; None where there is none. Zendesk's own system has the id -1."""
    value = record.get(field)
    if type(value) is int:
        # Nearly all are, and a backfill asks for dozens in every ticket.
        return str(value)
    if isinstance(value, bool) or value is None or value == "":
        return None
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value.is_integer() else None
    return str(value) if isinstance(value, int | str) else None


def needed_ident(record: Record, field: str) -> str:
    """An id that has to be there."""
    value = ident(record, field)
    if value is None:
        raise malformed(field, "missing")
    return value


def number(record: Record, field: str) -> int | None:
    """A whole number; None where there is none."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def size(record: Record, field: str) -> int:
    """A size in bytes, as Zendesk says; 0 where it says nothing that a file could have."""
    value = number(record, field) or 0
    return value if 0 <= value < _LARGEST else 0


def moment(record: Record, field: str) -> datetime | None:
    """A time in UTC; None where there is none."""
    value = record.get(field)
    return _parsed(value) if isinstance(value, str) and value else None


@lru_cache(maxsize=20_000)
def _parsed(value: str) -> datetime | None:
    """The same time is asked for when a comment comes, when it is put in order, and when it is made a turn."""
    try:
        return clock.parse_time(value)
    except (ValueError, OverflowError):
        return None


def needed_moment(record: Record, field: str) -> datetime:
    """A time that has to be there."""
    value = moment(record, field)
    if value is None:
        raise malformed(field, "no time")
    return value


def texts(record: Record, field: str) -> tuple[str, ...]:
    """A list of texts; empty ones and what is no text are left out."""
    value = record.get(field)
    return tuple(entry for entry in value if isinstance(entry, str) and entry.strip()) if isinstance(value, list) else ()


def seconds(value: datetime | None) -> int:
    """Epoch seconds, as the exports count time; 0 for none."""
    return 0 if value is None else int(value.timestamp())


def generated(ticket: Record) -> int:
    """When a ticket's row was generated, in epoch seconds; where it says nothing that can be, when the ticket changed."""
    at = number(ticket, "generated_timestamp")
    return at if at is not None and 0 < at < _YEAR_2100 else min(seconds(moment(ticket, "updated_at")), _YEAR_2100)

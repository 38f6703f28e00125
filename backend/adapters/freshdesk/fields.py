"""Reading fields of Freshdesk's payloads: what is missing or null has a plain default, a wrong shape names its field."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.core import clock
from backend.core.errors import AppError, Code

Record = Mapping[str, Any]
"""A JSON object as Freshdesk sent it."""


def malformed(field: str, what: str = "") -> AppError:
    """The error for a field that has another shape than the API documents."""
    seen = f": {what}" if what else ""
    return AppError(
        Code.SOURCE_MALFORMED, f"Freshdesk sent `{field}` in a shape its API does not document{seen}.", details={"field": field}
    )


def record_of(value: Any, field: str) -> Record:
    """A JSON object."""
    if not isinstance(value, dict):
        raise malformed(field, type(value).__name__)
    return value


def records_of(value: Any, field: str) -> list[Record]:
    """A list of JSON objects; null is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(field, type(value).__name__)
    return [record_of(entry, field) for entry in value]


def text(record: Record, field: str) -> str:
    """A text; numbers are written out, null and missing are empty."""
    value = record.get(field)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    raise malformed(field, type(value).__name__)


def ident(record: Record, field: str) -> str | None:
    """An id as text, whatever its size; None where there is none."""
    value = record.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise malformed(field, type(value).__name__)
    return str(value)


def needed_ident(record: Record, field: str) -> str:
    """An id that has to be there."""
    value = ident(record, field)
    if value is None:
        raise malformed(field, "missing")
    return value


def number(record: Record, field: str) -> int | None:
    """A whole number; None where there is none. Freshdesk sends some as text."""
    value = record.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise malformed(field, type(value).__name__)
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise malformed(field, "not a whole number") from None


def moment(record: Record, field: str) -> datetime | None:
    """A time in UTC; None where there is none."""
    value = record.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise malformed(field, type(value).__name__)
    try:
        return clock.parse_time(value)
    except (ValueError, OverflowError):
        raise malformed(field, "not a time") from None


def needed_moment(record: Record, field: str) -> datetime:
    """A time that has to be there."""
    value = moment(record, field)
    if value is None:
        raise malformed(field, "missing")
    return value


def texts(record: Record, field: str) -> tuple[str, ...]:
    """A list of texts; null is an empty one, empty texts are left out."""
    value = record.get(field)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise malformed(field, type(value).__name__)
    return tuple(str(entry) for entry in value if isinstance(entry, str | int) and str(entry).strip())

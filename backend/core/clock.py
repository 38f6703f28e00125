"""The time, always timezone-aware UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def parse_time(text: str | None) -> datetime | None:
    """Read an ISO 8601 time as UTC; None for None or a blank text. A time without a zone is taken as UTC.

    Raises ValueError for a text that is no time.
    """
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

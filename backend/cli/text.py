"""How moments and long texts are shown on a terminal."""

from datetime import UTC, datetime


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

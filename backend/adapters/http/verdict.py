"""What an HTTP status means for us: one table, which a vendor changes by data."""

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from backend.core import clock

_LONGEST_RETRY_AFTER: Final = 24 * 3600.0


class Verdict(StrEnum):
    """What to do with an answer."""

    OK = "ok"
    SKIP = "skip"
    """This item is not to be had; others are."""
    WAIT = "wait"
    """The quota is used up: everybody waits, then again."""
    AGAIN = "again"
    """May work in a moment: again, with back-off."""
    MOVED = "moved"
    """A redirect."""
    REFUSE = "refuse"
    """The same request fails the same way."""


DEFAULTS: Final[Mapping[int, Verdict]] = {
    404: Verdict.SKIP,
    408: Verdict.AGAIN,
    410: Verdict.SKIP,
    425: Verdict.AGAIN,
    429: Verdict.WAIT,
}
"""Single statuses; `verdict_of` says what holds for the others."""


def verdict_of(status: int, table: Mapping[int, Verdict]) -> Verdict:
    """The verdict on a status: the vendor's own, the default, or that of its hundred."""
    found = table.get(status) or DEFAULTS.get(status)
    if found is not None:
        return found
    if 200 <= status < 300:
        return Verdict.OK
    if 300 <= status < 400:
        return Verdict.MOVED
    return Verdict.AGAIN if status >= 500 else Verdict.REFUSE


def retry_after(text: str | None) -> float | None:
    """Seconds of a `Retry-After` header, which is a number or an HTTP date; None where there is none to read."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - clock.now()).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER)

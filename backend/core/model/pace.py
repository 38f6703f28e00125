"""How far a Run is, how fast it goes, and how long it still takes at this pace."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

PROCESSING: Final = "processing"
"""The phase of a Run that has read everything."""
WINDOW_SECONDS: Final = 60.0
"""The pace is that of the last while: an average since the start would hide that a run slowed down."""
STEP_SECONDS: Final = 3.0
"""Marks lie at least so far apart, so that a run carries few of them."""


class Mark(Struct, frozen=True, array_like=True):
    """How much was through at a moment."""

    at: datetime
    done: int


class Progress(Struct, frozen=True, kw_only=True):
    """How far a Run is. None where it can't be said."""

    done: int
    """Items that are through: processed, unchanged or deleted."""
    total: int | None = None
    """How many there will be, by all that is known now."""
    rate: float | None = None
    """Items a second over the last while."""
    eta_seconds: float | None = None
    """Seconds until all are through, at this rate."""


def marked(marks: Sequence[Mark], at: datetime, done: int) -> tuple[Mark, ...]:
    """The marks of the last while with one more, unless the latest is too near."""
    kept = [mark for mark in marks if 0 <= (at - mark.at).total_seconds() <= WINDOW_SECONDS]
    if not kept or (at - kept[-1].at).total_seconds() >= STEP_SECONDS:
        kept.append(Mark(at, done))
    return tuple(kept)


def progress_at(marks: Sequence[Mark], done: int, total: int | None) -> Progress:
    """How far it is, and how fast it went between the first of the marks and the last.

    What has only begun to move since the last mark has no pace yet, rather than none at all.
    """
    if total is not None:
        total = max(total, done)
    seconds = (marks[-1].at - marks[0].at).total_seconds() if marks else 0.0
    if seconds <= 0 or marks[0].done == marks[-1].done != done:
        return Progress(done=done, total=total)
    rate = max(0, marks[-1].done - marks[0].done) / seconds
    left = round((total - done) / rate, 1) if total is not None and rate > 0 else None
    return Progress(done=done, total=total, rate=round(rate, 2), eta_seconds=left)

"""A thumb on an answer or a recommendation."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Rating(StrEnum):
    """Which way the thumb points; NONE takes an earlier one back."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


class Feedback(Struct, frozen=True, kw_only=True):
    """One caller's thumb; the latest of the same caller on the same thing counts."""

    feedback_id: str
    caller: str
    """`key:<id>` or `token:<subject>`."""
    answer_id: str | None = None
    document_id: str | None = None
    """At least one of the two is set."""
    query: str = ""
    rating: Rating
    comment: str = ""
    at: datetime
    of_answer: bool = False
    """It follows from the caller's thumb on an answer that cites the Document, and counts less than one on the Document itself."""

"""JSON of items that could not be taken."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import Id, In, Out, Page
from backend.core.model.document import DocType


class FailureOut(Out):
    """An item that could not be taken; it is tried first next time."""

    doc_type: DocType
    original_id: str
    code: str
    message: str
    at: datetime = Field(description="When it was tried last.")
    attempts: int


class FailuresOut(Page[FailureOut]):
    """Some of them, tried longest ago first, and how many there are."""

    total: int


class FailedItemOut(FailureOut):
    """One with what the helpdesk sent."""

    payload: str | None = Field(description="As it came, where anything came; its first 64,000 characters.")


class FailedItemIn(In):
    """Which one."""

    doc_type: DocType
    original_id: Id


class RetryIn(In):
    """What to try again."""

    items: list[FailedItemIn] = Field([], max_length=1_000, description="Empty: all of them.")

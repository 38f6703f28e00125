"""JSON of what is held about one person, and of erasing it."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import In, Out


class PersonIn(In):
    """Who: at least one of the three."""

    email: str = Field("", max_length=320, description="The person's e-mail address.")
    phone: str = Field("", max_length=40, description="A phone number; its last nine digits count.")
    person_id: str = Field("", max_length=200, description="The helpdesk's id of the person.")


class EraseIn(PersonIn):
    """Whom to erase, and how."""

    dry_run: bool = Field(False, description="Only count what would be touched.")
    attachments: bool = Field(False, description="Also delete the files of the person's own turns, and files that name the person.")


class HeldOut(Out):
    """How much, by kind."""

    documents: int
    tickets_requested: int
    turns: int
    mentions: int
    summaries: int
    attachments: int
    payloads: int
    answers: int
    feedback: int
    cached: int


class CountedOut(Out):
    """What an erasure would touch."""

    dry_run: bool
    held: HeldOut


class ErasureOut(Out):
    """How an erasure goes. It says nowhere who was erased."""

    erasure_id: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    attachments: bool
    passes: int
    phase: str
    held: HeldOut
    files_left: int

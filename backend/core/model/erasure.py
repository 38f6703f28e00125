"""Erasing what is held about one person: who, how far it is, and what is remembered of it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from backend.core.model.tenant import SealedSecret

PLACEHOLDER = "[erased]"
"""Stands where something of an erased person stood, in every language."""


class Named(Struct, frozen=True, kw_only=True):
    """How somebody names the person: at least one of these."""

    email: str = ""
    phone: str = ""
    person_id: str = ""
    """The helpdesk's id of the person."""


class Held(Struct, frozen=True, kw_only=True):
    """How much is held about a person, or was found and replaced, by kind."""

    documents: int = 0
    tickets_requested: int = 0
    turns: int = 0
    """Conversation parts that the person wrote."""
    mentions: int = 0
    """Other texts that hold what the person was named by."""
    summaries: int = 0
    attachments: int = 0
    """Files of the person's own turns, and files whose name or text holds what the person was named by."""
    payloads: int = 0
    """Of the raw archive and the quarantine, and other files."""
    answers: int = 0
    feedback: int = 0
    cached: int = 0
    """Results of models that were kept."""

    def plus(self, other: "Held") -> "Held":
        """Both together."""
        return Held(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class ErasureState(StrEnum):
    """How far an erasure is."""

    RUNNING = "running"
    DONE = "done"


class Erasure(Struct, frozen=True, kw_only=True):
    """One person's erasure. It stays when it is done: what comes from the helpdesk later is erased on arrival by it."""

    erasure_id: str
    created_at: datetime
    hashes: tuple[str, ...]
    """Keyed hashes of what the person is known by; nobody can tell the person from them."""
    key: SealedSecret
    """What the hashes are keyed with, the same for all of a tenant."""
    attachments: bool = False
    """Whether the person's files go too."""
    state: ErasureState = ErasureState.RUNNING
    passes: int = 0
    """How often everything was gone through."""
    phase: str = ""
    after: str = ""
    """Where the pass stands."""
    touched: int = 0
    """What this pass has changed so far."""
    held: Held = Held()
    """What was found and replaced, all passes together."""
    files_left: int = 0
    """Files that hold what the person was named by and were not to be erased."""
    person: SealedSecret | None = None
    """While it runs: what the person is known by, in clear. None once it is done."""
    finished_at: datetime | None = None

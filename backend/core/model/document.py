"""The unit that is stored, summarized, indexed and cited."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from backend.core.model.article import Visibility
from backend.core.model.ticket import ConversationKind, Presence, Role


class DocType(StrEnum):
    """What a Document was made from."""

    TICKET = "ticket"
    ARTICLE = "article"
    UPLOAD = "upload"


class DocState(StrEnum):
    """How far a Document is: pending -> processing -> indexed; aside: skipped, failed, deleted."""

    PENDING = "pending"
    PROCESSING = "processing"
    INDEXED = "indexed"
    SKIPPED = "skipped"
    FAILED = "failed"
    DELETED = "deleted"


FILES_LEFT: Final = "files_left"
"""Why a deleted Document is not done with: its files and payloads are still to be erased."""


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One clean piece of a Document in order: a turn of a ticket, a section of an article, the text of an attachment."""

    kind: str
    """A ConversationKind value, or `article`, or `attachment`."""
    text: str
    visibility: Visibility
    role: Role | None = None
    author: str = ""
    at: datetime | None = None
    heading: str = ""
    """A title path, a file name, a sheet name; with an attachment always its file name."""
    page: int | None = None
    """One-based page number, where there are pages."""
    language: str = ""
    attachment_id: str | None = None


class Summary(Struct, frozen=True, kw_only=True):
    """What a ticket was about (SPEC C3). An empty text says the source does not tell."""

    problem: str
    cause: str = ""
    solution: str = ""
    result: str = ""
    language: str = ""
    product_area: str = ""
    tags: tuple[str, ...] = ()
    resolved: bool = False
    sentiment: str = "neutral"
    """`positive`, `neutral` or `negative`: the customer's, at the end."""


class AttachmentState(StrEnum):
    """How far an attachment is."""

    WAITING = "waiting"
    """Stored; the words in its pictures are still to be recognized."""
    READ = "read"
    """Its text is part of the Document."""
    KEPT = "kept"
    """Stored, and nothing to read in it (no text, or a type without a reader)."""
    FAILED = "failed"
    """Not stored or not readable; `error_code` says why."""


class AttachmentFile(Struct, frozen=True, kw_only=True):
    """An attachment as kept: which blob holds it, and what became of reading it."""

    attachment_id: str
    """Unique within the tenant: `<platform>-<original_id>`."""
    document_id: str
    original_id: str
    name: str
    content_type: str
    """Sniffed from the bytes, not the platform's claim."""
    size: int
    internal: bool
    state: AttachmentState
    blob_key: str | None = None
    sha256: str | None = None
    error_code: str | None = None
    error_message: str = ""


class Document(Struct, frozen=True, kw_only=True):
    """A merged ticket, an article or an upload, with its state in the pipeline."""

    document_id: str
    connection_id: str
    platform: str
    doc_type: DocType
    original_id: str
    title: str
    parts: tuple[Part, ...]
    content_hash: str
    """SHA-256 of what matters (SPEC B3)."""
    source_version: str
    """What the listing says of the item's version; the same means: no need to fetch it."""
    visibility: Visibility
    """Of the least visible thing that is safe to show as a whole: an article's own; CONVERSATION for tickets."""
    language: str = ""
    status: str | None = None
    status_label: str | None = None
    priority: str | None = None
    product: str | None = None
    requester: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    """Group, type, channel, custom fields, folder and the like, by label."""
    groups: tuple[str, ...] = ()
    """Marks of the ticket's group (model/groups.py), at most one by id and one by name; none where nobody knows it."""
    url: str | None = None
    presence: Presence = Presence.LIVE
    created_at: datetime
    updated_at: datetime
    """Of the item on its platform."""
    state: DocState = DocState.PENDING
    state_reason: str = ""
    """Why it was skipped, or the message of the error."""
    error_code: str | None = None
    attempts: int = 0
    next_try_at: datetime | None = None
    summary: Summary | None = None
    """From the parts a customer took part in, only."""
    internal_summary: Summary | None = None
    """From all parts, where there are private notes: for agents only."""
    stored_at: datetime
    indexed_at: datetime | None = None


class PackedDocument(Struct, frozen=True, array_like=True):
    """A Document that is ready to be put: packed beside the event loop by `Database.pack`, and read by the store alone."""

    document_id: str
    content_hash: str
    row: bytes


class Standing(Struct, frozen=True, kw_only=True):
    """What tells whether another copy of a stored item is newer."""

    state: DocState
    content_hash: str
    updated_at: datetime
    """By the helpdesk's clock."""
    stored_at: datetime
    """By ours."""


class Chunk(Struct, frozen=True, kw_only=True):
    """A piece of a Document as it is indexed."""

    document_id: str
    ordinal: int
    kind: str
    """`problem`, `solution`, `body`, `note`, `attachment` or `question` (a body, found by the words of customers it helped)."""
    text: str
    """What is shown and what the dense vector is made from."""
    lexical: str
    """What the sparse vector is made from: `text` and the wording around it."""
    visibility: Visibility
    heading: str = ""
    page: int | None = None
    attachment_id: str | None = None


TURN_KINDS = frozenset(kind.value for kind in ConversationKind)


def visible_parts(parts: Sequence[Part], *, internal: bool) -> tuple[Part, ...]:
    """The parts a reader may see: all with `internal`, else without the INTERNAL ones."""
    return tuple(parts) if internal else tuple(p for p in parts if p.visibility is not Visibility.INTERNAL)

"""JSON of documents, their parts, summaries and chunks."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.attachments import AttachmentOut
from backend.api.schemas.base import Out
from backend.core.model.article import Visibility
from backend.core.model.document import DocState, DocType
from backend.core.model.ticket import Presence, Role


class SummaryOut(Out):
    """What a ticket was about; an empty text says the source does not tell."""

    problem: str
    cause: str
    solution: str
    result: str
    language: str
    product_area: str
    tags: list[str]
    resolved: bool
    sentiment: str


class ChunkOut(Out):
    """A piece of a document as it is indexed."""

    ordinal: int
    kind: str = Field(description="`problem`, `solution`, `body`, `note` or `attachment`.")
    text: str
    visibility: Visibility
    heading: str
    page: int | None
    attachment_id: str | None


class PartOut(Out):
    """One piece of a document in order: a turn of a ticket, a section of an article, the text of an attachment."""

    kind: str
    text: str
    visibility: Visibility
    role: Role | None
    author: str
    at: datetime | None
    heading: str
    page: int | None
    language: str
    attachment_id: str | None


class DocumentOut(Out):
    """A merged ticket, an article or an upload, without its text."""

    document_id: str
    connection_id: str
    platform: str
    doc_type: DocType
    original_id: str
    title: str
    state: DocState
    state_reason: str
    error_code: str | None
    visibility: Visibility
    language: str
    status: str | None
    status_label: str | None
    priority: str | None
    product: str | None
    requester: str | None
    tags: list[str]
    url: str | None
    presence: Presence
    created_at: datetime
    updated_at: datetime
    stored_at: datetime
    indexed_at: datetime | None
    summary: SummaryOut | None


class DocumentDetailOut(DocumentOut):
    """A document with everything this caller may see of it."""

    attributes: dict[str, str]
    attempts: int
    next_try_at: datetime | None
    parts: list[PartOut]
    attachments: list[AttachmentOut] = []


class RetriedOut(Out):
    """What is being tried again."""

    documents: int = Field(description="Documents that had failed and are processed once more.")

"""A Document as the columns of its row, without anything of the database: it is packed in other processes, which load this alone."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from backend.core.model.article import Visibility
from backend.core.model.document import Document, PackedDocument, Part, Summary
from backend.core.model.groups import is_id

COLUMNS: Final = (
    "company_id",
    "document_id",
    "connection_id",
    "platform",
    "doc_type",
    "original_id",
    "title",
    "status",
    "presence",
    "content_hash",
    "source_version",
    "state",
    "state_reason",
    "error_code",
    "attempts",
    "next_try_at",
    "created_at",
    "updated_at",
    "stored_at",
    "indexed_at",
    "content",
    "summaries",
    "group_id",
    "group_name",
)
"""Of the table, in its order."""
TIMES: Final = ("next_try_at", "created_at", "updated_at", "stored_at", "indexed_at")
TEXTS: Final = ("content", "summaries")
"""JSON, as UTF-8: what is a text in the database is none on its way there."""


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `put` writes and nothing else changes."""

    parts: tuple[Part, ...] = ()
    visibility: Visibility
    language: str = ""
    status_label: str | None = None
    priority: str | None = None
    product: str | None = None
    requester: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    url: str | None = None


class Summaries(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `finish` writes: for everybody, and for agents only."""

    summary: Summary | None = None
    internal: Summary | None = None


_rows: Final = msgspec.msgpack.Decoder(tuple[Any, ...])
_pack: Final = msgspec.msgpack.Encoder()
_json: Final = msgspec.json.Encoder()


def pack_document(company_id: str, document: Document) -> PackedDocument:
    """A Document ready to be put, of this tenant and no other."""
    summaries = summaries_of(document)
    row = (
        company_id,
        document.document_id,
        document.connection_id,
        document.platform,
        document.doc_type,
        document.original_id,
        document.title,
        document.status,
        document.presence,
        document.content_hash,
        document.source_version,
        document.state,
        document.state_reason,
        document.error_code,
        document.attempts,
        text_of(document.next_try_at),
        text_of(document.created_at),
        text_of(document.updated_at),
        text_of(document.stored_at),
        text_of(document.indexed_at),
        _json.encode(content_of(document)),
        None if summaries is None else _json.encode(summaries),
        *group_columns(document),
    )
    return PackedDocument(document.document_id, document.content_hash, _pack.encode(row))


def unpack_row(packed: PackedDocument) -> tuple[Any, ...]:
    """The values of `COLUMNS`: times as texts, JSON as bytes."""
    return _rows.decode(packed.row)


def content_of(document: Document) -> Content:
    """What of a Document nobody asks for by column."""
    return Content(
        parts=document.parts,
        visibility=document.visibility,
        language=document.language,
        status_label=document.status_label,
        priority=document.priority,
        product=document.product,
        requester=document.requester,
        tags=document.tags,
        attributes=document.attributes,
        url=document.url,
    )


def group_columns(document: Document) -> tuple[str | None, str | None]:
    """The marks of its group by id and by name."""
    by_id = next((mark for mark in document.groups if is_id(mark)), None)
    return by_id, next((mark for mark in document.groups if not is_id(mark)), None)


def summaries_of(document: Document) -> Summaries | None:
    """What the model made of it; None where it made nothing yet."""
    if document.summary is None and document.internal_summary is None:
        return None
    return Summaries(summary=document.summary, internal=document.internal_summary)


def text_of(moment: datetime | None) -> str | None:
    """The moment in UTC as text of fixed length, so that the order of texts is the order of times."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError("a stored time needs a time zone")
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(timespec="microseconds")

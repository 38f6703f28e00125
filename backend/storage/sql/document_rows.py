"""How a Document lies in its row: what is asked for by column, the rest as one JSON text."""

from datetime import datetime
from typing import Any, Final

import msgspec

from backend.core.model.article import Visibility
from backend.core.model.document import FILES_LEFT, DocState, DocType, Document, PackedDocument
from backend.core.model.ticket import Presence
from backend.storage.sql.packing import COLUMNS as PACKED
from backend.storage.sql.packing import TEXTS, TIMES, Content, Summaries, summaries_of, unpack_row
from backend.storage.sql.tables import documents as table
from backend.storage.sql.transaction import AnyRow

COLUMNS: Final = tuple(column for column in table.columns if column.name != "company_id")
"""What `to_document` needs."""


_content = msgspec.json.Decoder(Content)
_summaries = msgspec.json.Decoder(Summaries)
_BARE = Summaries()
RESULTS: Final = ("state", "state_reason", "error_code", "attempts", "next_try_at", "indexed_at", "summaries")
"""The columns that hold how processing went."""


def plain_row(company_id: str, packed: PackedDocument) -> tuple[Any, ...]:
    """All columns of a Document that was packed for this tenant, as `upsert_plain` takes them. Raises ValueError for another tenant's."""
    row = unpack_row(packed)
    if row[0] != company_id:
        raise ValueError("a document is put by the tenant it was packed for")
    return row


def of_packed(company_id: str, packed: PackedDocument) -> dict[str, Any]:
    """As `plain_row`, for any database."""
    row = dict(zip(PACKED, plain_row(company_id, packed), strict=True))
    for name in TIMES:
        row[name] = None if row[name] is None else datetime.fromisoformat(row[name])
    for name in TEXTS:
        row[name] = None if row[name] is None else msgspec.Raw(row[name])
    return row


def of_result(document: Document) -> dict[str, Any]:
    """The columns that hold how processing went."""
    return {
        "state": document.state.value,
        "state_reason": document.state_reason,
        "error_code": document.error_code,
        "attempts": document.attempts,
        "next_try_at": document.next_try_at,
        "indexed_at": document.indexed_at,
        "summaries": summaries_of(document),
    }


def tombstone(presence: Presence, at: datetime) -> dict[str, Any]:
    """What is left of a deleted Document: no text, and a hash that no version has, so that a restored item is stored anew."""
    return {
        "title": "",
        "status": None,
        "presence": presence.value,
        "content_hash": "",
        "source_version": "",
        "state": DocState.DELETED.value,
        "state_reason": FILES_LEFT,
        "error_code": None,
        "attempts": 0,
        "next_try_at": None,
        "indexed_at": None,
        "stored_at": at,
        "group_id": None,
        "group_name": None,
        "content": Content(visibility=Visibility.INTERNAL),
        "summaries": None,
    }


def to_document(row: AnyRow) -> Document:
    """The Document of a row of COLUMNS."""
    content = _content.decode(row.content)
    summaries = _summaries.decode(row.summaries) if row.summaries else _BARE
    return Document(
        document_id=row.document_id,
        connection_id=row.connection_id,
        platform=row.platform,
        doc_type=DocType(row.doc_type),
        original_id=row.original_id,
        title=row.title,
        parts=content.parts,
        content_hash=row.content_hash,
        source_version=row.source_version,
        visibility=content.visibility,
        language=content.language,
        status=row.status,
        status_label=content.status_label,
        priority=content.priority,
        product=content.product,
        requester=content.requester,
        tags=content.tags,
        attributes=content.attributes,
        groups=tuple(mark for mark in (row.group_id, row.group_name) if mark is not None),
        url=content.url,
        presence=Presence(row.presence),
        created_at=row.created_at,
        updated_at=row.updated_at,
        state=DocState(row.state),
        state_reason=row.state_reason,
        error_code=row.error_code,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        summary=summaries.summary,
        internal_summary=summaries.internal,
        stored_at=row.stored_at,
        indexed_at=row.indexed_at,
    )

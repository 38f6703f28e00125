"""Reading Documents: lists, one with its parts, its chunks; who may not see internal things sees none of them."""

from collections.abc import Collection

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.document import AttachmentFile, Chunk, DocState, DocType, Document, visible_parts
from backend.core.model.job import processing
from backend.core.model.sight import is_there, may_see
from backend.core.model.tenant import Caller
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services


class DocumentQuery(Struct, frozen=True, kw_only=True):
    """Which Documents to list; an empty tuple or None asks for nothing."""

    states: Collection[DocState] = ()
    doc_types: Collection[DocType] = ()
    connection_id: str | None = None
    text: str | None = None
    limit: int = 50
    after: str | None = None


async def list_documents(services: Services, company_id: str, query: DocumentQuery, *, caller: Caller) -> tuple[list[Document], str | None]:
    """A page, last updated first, and the cursor of the next one. Raises INVALID_REQUEST for a cursor that is not ours.

    Without `internal:read` a page may be shorter than the limit: internal Documents are left out of it.
    """
    async with services.database.open(company_id) as uow:
        page, following = await uow.documents.list(
            states=query.states,
            doc_types=query.doc_types,
            connection_id=query.connection_id,
            text=query.text,
            ticket_groups=caller.groups,
            limit=query.limit,
            after=query.after,
        )
    return [_seen_by(caller, document) for document in page if may_see(caller, document)], following


async def get_document(services: Services, company_id: str, document_id: str, *, caller: Caller) -> tuple[Document, list[AttachmentFile]]:
    """One Document with its visible parts and attachments; the look at it is audited. Raises DOCUMENT_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        document = await _get(uow, document_id, caller)
        files = await uow.attachments.of([document_id])
        await uow.audit.add(caller.audited("document.read", document_id))
    return _seen_by(caller, document), [file for file in files if caller.sees_internal or not file.internal]


async def retry_failed(services: Services, company_id: str, *, caller: Caller) -> int:
    """Let every Document that could not be processed be processed once more, from its first attempt on; returns how many."""
    async with services.database.open(company_id, write=True) as uow:
        count = await uow.documents.retry()
        await uow.audit.add(caller.audited("documents.retry", company_id, documents=str(count)))
        if count:
            uow.enqueue(processing(company_id))
    return count


async def get_chunks(services: Services, company_id: str, document_id: str, *, caller: Caller) -> list[Chunk]:
    """A Document's visible chunks, as the index holds them; likewise audited. Raises DOCUMENT_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        await _get(uow, document_id, caller)
        await uow.audit.add(caller.audited("document.read", document_id))
    index = await services.indexes.open(company_id)
    chunks = await index.chunks(document_id)
    return [chunk for chunk in chunks if caller.sees_internal or chunk.visibility is not Visibility.INTERNAL]


async def _get(uow: UnitOfWork, document_id: str, caller: Caller) -> Document:
    document = await uow.documents.get(document_id)
    if document is None or not is_there(caller, document):
        raise AppError(Code.DOCUMENT_NOT_FOUND, f"There is no document {document_id}.")
    return document


def _seen_by(caller: Caller, document: Document) -> Document:
    """The Document with the parts and the one summary that this caller may see."""
    internal = caller.sees_internal
    return msgspec.structs.replace(
        document,
        parts=visible_parts(document.parts, internal=internal),
        summary=(document.internal_summary if internal else None) or document.summary,
        internal_summary=None,
    )

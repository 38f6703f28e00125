"""The tickets that a question names by their numbers: words would hardly find them."""

from typing import Final

from msgspec import structs

from backend.core.model.copilot import AskInput
from backend.core.model.document import DocType, Document
from backend.core.model.search import Filters, Hit
from backend.core.model.sight import is_there
from backend.core.model.tenant import Caller
from backend.core.ports.services import Services
from backend.core.retrieve.find import visible_to
from backend.core.text.naming import named_tickets

_NAMED: Final = "the question names it"


async def named_hits(services: Services, company_id: str, caller: Caller, ask: AskInput) -> tuple[Hit, ...]:
    """The indexed tickets that are named, as far as this caller may see them and platform and type are asked for.

    Where other filters are set nothing is looked up: they say what is wanted.
    """
    numbers, asked = named_tickets(ask.question), ask.filters
    if not numbers or asked != Filters(doc_types=asked.doc_types, platforms=asked.platforms):
        return ()
    if asked.doc_types and DocType.TICKET not in asked.doc_types:
        return ()
    async with services.database.open(company_id) as uow:
        # Where two helpdesks have the number and none is asked for, the one that changed last is meant, as beside a ticket.
        platforms = asked.platforms or (None,)
        found = [await uow.documents.find(platform, DocType.TICKET, number) for number in numbers for platform in platforms]
    hits = [await _hit(services, company_id, caller, document) for document in found if document and is_there(caller, document)]
    return tuple(hit for hit in hits if hit is not None)


async def _hit(services: Services, company_id: str, caller: Caller, document: Document) -> Hit | None:
    index, visible = await services.indexes.open(company_id), visible_to(caller)
    chunks = [
        structs.replace(chunk, heading=f"#{document.original_id}")
        for chunk in await index.chunks(document.document_id)
        if not visible or chunk.visibility in visible
    ]
    if not chunks:
        return None
    return Hit(
        document_id=document.document_id,
        doc_type=document.doc_type,
        platform=document.platform,
        original_id=document.original_id,
        title=document.title,
        url=document.url,
        status=document.status,
        language=document.language,
        updated_at=document.updated_at,
        chunk=chunks[0],
        other_chunks=tuple(chunks[1:]),
        score=1.0,
        coverage=1.0,
        explanation=(_NAMED,),
    )

"""A ticket an agent has open: from the store, or fetched, merged and summarized on the spot."""

from datetime import datetime

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code, Retry
from backend.core.ingest import merge, summarize
from backend.core.ingest.pipeline.newer import is_newer
from backend.core.ingest.pipeline.paid import paid_summaries
from backend.core.ingest.pipeline.person import Arrivals
from backend.core.ingest.pipeline.sources import open_source
from backend.core.ingest.pipeline.spent import book_usage
from backend.core.model.budget import Purpose
from backend.core.model.connection import ConnectionState
from backend.core.model.copilot import BriefSource
from backend.core.model.document import DocState, DocType, Document, Summary, visible_parts
from backend.core.model.job import processing
from backend.core.model.quota import Lane
from backend.core.model.sight import may_see
from backend.core.model.sync import ItemRef
from backend.core.model.tenant import Caller
from backend.core.model.ticket import Ticket
from backend.core.ports.services import Services

QUERY_CHARS = 800
"""So much of a ticket is enough to find its like."""


async def find_ticket(
    services: Services, company_id: str, caller: Caller, ticket_id: str, platform: str | None
) -> tuple[Document, BriefSource]:
    """The stored ticket, else the one a connected helpdesk has, which is kept and sent on its way through the pipeline.

    Raises TICKET_NOT_FOUND where neither has it, or it is not for this caller, and what the Source raises.
    """
    document, source = await stored_ticket(services, company_id, ticket_id, platform), BriefSource.STORE
    if document is None:
        document, source = await fetch_ticket(services, company_id, ticket_id, platform), BriefSource.HELPDESK
    if not may_see(caller, document):
        raise no_ticket(ticket_id)
    return document, source


async def stored_ticket(services: Services, company_id: str, ticket_id: str, platform: str | None) -> Document | None:
    """The ticket of this id, unless it is gone; None where it was never seen."""
    async with services.database.open(company_id) as uow:
        document = await uow.documents.find(platform, DocType.TICKET, ticket_id)
    return None if document is None or document.state is DocState.DELETED else document


async def fetch_ticket(services: Services, company_id: str, ticket_id: str, platform: str | None) -> Document:
    """The ticket from the first connected helpdesk that has it, kept and sent on its way. Raises as `find_ticket`."""
    async with services.database.open(company_id) as uow:
        connections = await uow.connections.list()
    arrivals = Arrivals(services, company_id)
    await arrivals.look()
    for connection in connections:
        if connection.state is not ConnectionState.ACTIVE or platform not in (None, connection.platform):
            continue
        source = await open_source(services, company_id, connection, Lane.LIVE)
        told_at = clock.now()
        try:
            fetched = await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=ticket_id, version=""))
        except AppError as error:
            if error.code is not Code.SOURCE_ITEM_NOT_FOUND:
                raise
            continue
        finally:
            await source.close()
        fetched, _ = await arrivals.item(fetched)
        if isinstance(fetched.item, Ticket):
            document = merge.merge_ticket(
                fetched.item,
                company_id,
                connection_id=connection.connection_id,
                platform=connection.platform,
                # A version no listing names: the next sync reads it again, then with its attachments.
                version="",
                now=clock.now(),
            )
            await _keep(services, document, company_id, told_at)
            return document
    raise no_ticket(ticket_id)


def no_ticket(ticket_id: str) -> AppError:
    """TICKET_NOT_FOUND, also for one that the caller may not know of."""
    return AppError(Code.TICKET_NOT_FOUND, f"Neither the store nor a connected helpdesk has ticket {ticket_id}. Check the number, or sync.")


async def _keep(services: Services, document: Document, company_id: str, told_at: datetime) -> None:
    """Store it and send it on its way, unless a sync or a webhook stored a newer copy meanwhile."""
    async with services.database.open(company_id, write=True) as uow:
        stored = (await uow.documents.standing([document.document_id])).get(document.document_id)
        if is_newer(stored, told_at, document.updated_at):
            await uow.documents.put([document])
            uow.enqueue(processing(company_id, quick=True))


async def summarized(services: Services, company_id: str, document: Document) -> Document:
    """With summaries: those the store has, else made on the spot and cached, so that the pipeline does not pay again.

    Without them where the model is away: tickets like this one can be found all the same.
    """
    if document.summary is not None or document.state in (DocState.INDEXED, DocState.SKIPPED):
        return document
    chat = (await services.models_of(company_id)).summarize
    paid = paid_summaries(services, company_id, chat)
    known = {} if paid is None else await paid.get_many([task.key for task in summarize.plan(document, chat)])
    try:
        made = await summarize.summarize(document, chat=chat, cached=known, paid=paid)
    except AppError as error:
        if error.retry is Retry.NEVER or error.code.startswith("llm_") or error.code is Code.SUMMARY_INVALID:
            return document
        raise
    await book_usage(services, company_id, chat, Purpose.SUMMARY, made.usage)
    return msgspec.structs.replace(document, summary=made.summary, internal_summary=made.internal_summary)


def search_text(document: Document, summary: Summary | None, *, internal: bool) -> str:
    """What finds a ticket's like: its title and problem, without a summary its first turn (`internal`: notes count)."""
    if summary is not None:
        return f"{document.title}\n{summary.problem}"[:QUERY_CHARS]
    first = next((part.text for part in visible_parts(document.parts, internal=internal)), "")
    return f"{document.title}\n{first}"[:QUERY_CHARS]

"""A draft reply to a ticket's customer, whole or as it comes (SPEC F4)."""

from collections.abc import AsyncIterator

from backend.core.answer.reply import generate_reply_text, stream_reply_text
from backend.core.ingest.embed import problem_text
from backend.core.ingest.pipeline.at_hand import find_ticket, search_text, summarized
from backend.core.ingest.pipeline.spent import book_usage
from backend.core.model.answer import AnswerEvent, AnswerEventKind
from backend.core.model.budget import Purpose
from backend.core.model.copilot import ReplyDraft, ReplyInput
from backend.core.model.document import Document
from backend.core.model.search import Filters, Query, SearchResult
from backend.core.model.tenant import Caller
from backend.core.ports.llm import ChatModel
from backend.core.ports.services import Services
from backend.core.retrieve.find import CANDIDATES, CUSTOMER_SAFE, find, groups_of


async def generate_reply(services: Services, company_id: str, caller: Caller, ask: ReplyInput) -> ReplyDraft:
    """A draft reply to the ticket's customer, from what a customer may get and nothing else.

    Raises TICKET_NOT_FOUND or an LLM_* error. Private notes are left out for everybody, since a draft is for the customer.
    """
    document, result = await _prepared(services, company_id, caller, ask)
    chat = (await services.models_of(company_id)).generate
    with services.meter.stage("generate"):
        draft = await generate_reply_text(document, result.hits, ask, chat=chat)
    await _keep(services, company_id, caller, chat, draft)
    return draft


async def stream_reply(services: Services, company_id: str, caller: Caller, ask: ReplyInput) -> AsyncIterator[AnswerEvent]:
    """The same as it comes: HITS, TOKEN…, DONE with the ReplyDraft, or ERROR. No transaction is held meanwhile."""
    document, result = await _prepared(services, company_id, caller, ask)
    chat = (await services.models_of(company_id)).generate
    async for event in stream_reply_text(document, result, ask, chat=chat):
        if event.kind is AnswerEventKind.DONE:
            await _keep(services, company_id, caller, chat, event.data)
        yield event


async def _prepared(services: Services, company_id: str, caller: Caller, ask: ReplyInput) -> tuple[Document, SearchResult]:
    """The ticket with its summary, and what may help with it that a customer may see."""
    document, _ = await find_ticket(services, company_id, caller, ask.ticket_id, ask.platform)
    document = await summarized(services, company_id, document)
    text = "\n".join(filter(None, (search_text(document, document.summary, internal=False), ask.hint)))
    filters = Filters(visibilities=CUSTOMER_SAFE, exclude_documents=(document.document_id,), ticket_groups=groups_of(caller))
    indexed = problem_text(document, document.summary) if document.summary and not ask.hint else ""
    return document, await find(services, company_id, Query(text=text, indexed=indexed, filters=filters, top_k=CANDIDATES))


async def _keep(services: Services, company_id: str, caller: Caller, chat: ChatModel, draft: ReplyDraft) -> None:
    """Book what the draft cost, and write down who asked for it."""
    await book_usage(services, company_id, chat, Purpose.REPLY, draft.usage)
    async with services.database.open(company_id, write=True) as uow:
        await uow.audit.add(caller.audited("reply.draft", draft.document_id))

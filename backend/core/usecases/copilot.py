"""What an agent asks beside a ticket: its brief, an answer with sources, a draft reply (SPEC F2 to F4)."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec

from backend.core import clock
from backend.core.answer.generate import generate_answer, stream_answer
from backend.core.answer.reply import generate_reply_text
from backend.core.errors import AppError, Code, Retry
from backend.core.ingest import merge, summarize
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.answer import Answer, AnswerEvent, AnswerEventKind
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.connection import ConnectionState
from backend.core.model.copilot import AskInput, BriefSource, QueryResult, ReplyDraft, ReplyInput, TicketBrief
from backend.core.model.document import DocState, DocType, Document, Summary, visible_parts
from backend.core.model.job import ALL, Job, JobName
from backend.core.model.quota import Lane
from backend.core.model.search import Filters, Hit, Query, SearchResult
from backend.core.model.sync import ItemRef
from backend.core.model.tenant import AuditEntry, Caller
from backend.core.model.ticket import Ticket
from backend.core.ports.llm import ChatModel
from backend.core.ports.services import Services
from backend.core.retrieve.find import CUSTOMER_SAFE, find, narrowed, visible_to

CANDIDATES = 30
"""Hits that are ranked and that an answer may draw on, before they are split by type."""
QUERY_CHARS = 800
"""So much of a ticket is enough to find its like."""


async def init_ticket(
    services: Services, company_id: str, caller: Caller, ticket_id: str, *, platform: str | None = None, top_k: int = 5
) -> TicketBrief:
    """What a ticket is about, tickets like it and articles that may answer it; fetched from the helpdesk when unseen.

    Raises TICKET_NOT_FOUND where neither the store nor a connected helpdesk has it.
    """
    began = time.perf_counter()
    document, source = await _find_ticket(services, company_id, ticket_id, platform)
    internal = caller.sees_internal
    document = await _summarized(services, company_id, document)
    summary = (document.internal_summary if internal else None) or document.summary
    text = _search_text(document, summary, internal=internal)
    others = Filters(visibilities=visible_to(caller), exclude_documents=(document.document_id,))
    similar, articles = await asyncio.gather(
        find(services, company_id, Query(text=text, filters=_of_type(others, DocType.TICKET), top_k=top_k)),
        find(services, company_id, Query(text=text, filters=_of_type(others, DocType.ARTICLE), top_k=top_k)),
    )
    return TicketBrief(
        document_id=document.document_id,
        connection_id=document.connection_id,
        platform=document.platform,
        ticket_id=document.original_id,
        title=document.title,
        status=document.status,
        status_label=document.status_label,
        priority=document.priority,
        product=document.product,
        requester=document.requester,
        language=document.language,
        tags=document.tags,
        url=document.url,
        created_at=document.created_at,
        updated_at=document.updated_at,
        summary=summary,
        similar=similar.hits,
        articles=articles.hits,
        took_ms=_ms_since(began),
        source=source,
    )


async def answer_query(services: Services, company_id: str, caller: Caller, ask: AskInput) -> QueryResult:
    """A grounded answer with what was found, by type. Raises QUESTION_TOO_LONG or an LLM_* error."""
    began = time.perf_counter()
    result = await _find(services, company_id, caller, ask)
    chat = (await services.models_of(company_id)).generate
    with services.meter.stage("generate"):
        answer = await generate_answer(
            ask.question,
            result,
            chat=chat,
            language=ask.language,
            for_customer=not caller.sees_internal,
        )
    await _keep_answer(services, company_id, answer)
    return _by_type(answer, result, ask, took_ms=_ms_since(began))


async def stream_query(services: Services, company_id: str, caller: Caller, ask: AskInput) -> AsyncIterator[AnswerEvent]:
    """The same as it comes: HITS, TOKEN…, DONE with the Answer, or ERROR. No transaction is held meanwhile."""
    result = await _find(services, company_id, caller, ask)
    chat = (await services.models_of(company_id)).generate
    events = stream_answer(
        ask.question,
        result,
        chat=chat,
        language=ask.language,
        for_customer=not caller.sees_internal,
    )
    async for event in events:
        if event.kind is AnswerEventKind.DONE:
            await _keep_answer(services, company_id, event.data)
        yield event


async def generate_reply(services: Services, company_id: str, caller: Caller, ask: ReplyInput) -> ReplyDraft:
    """A draft reply to the ticket's customer, from what a customer may get and nothing else.

    Raises TICKET_NOT_FOUND or an LLM_* error. The caller's own rights don't matter: a draft is for the customer.
    """
    document, _ = await _find_ticket(services, company_id, ask.ticket_id, ask.platform)
    document = await _summarized(services, company_id, document)
    text = "\n".join(filter(None, (_search_text(document, document.summary, internal=False), ask.hint)))
    filters = Filters(visibilities=CUSTOMER_SAFE, exclude_documents=(document.document_id,))
    result = await find(services, company_id, Query(text=text, filters=filters, top_k=CANDIDATES))
    chat = (await services.models_of(company_id)).generate
    with services.meter.stage("generate"):
        draft = await generate_reply_text(document, result.hits, ask, chat=chat)
    await _spend(services, company_id, services.models.generate, Purpose.REPLY, draft.usage)
    async with services.database.open(company_id, write=True) as uow:
        await uow.audit.add(
            AuditEntry(at=clock.now(), actor=caller.actor, action="reply.draft", target=document.document_id, request_id=caller.request_id)
        )
    return draft


async def _find(services: Services, company_id: str, caller: Caller, ask: AskInput) -> SearchResult:
    limit = services.policy.question_max_chars
    if len(ask.question) > limit:
        raise AppError(Code.QUESTION_TOO_LONG, f"The question has {len(ask.question):,} characters; ask with at most {limit:,}.")
    top_k = max(CANDIDATES, 3 * (ask.offset + ask.top_k))
    return await find(services, company_id, Query(text=ask.question, filters=narrowed(ask.filters, caller), top_k=top_k, weak=False))


async def _find_ticket(services: Services, company_id: str, ticket_id: str, platform: str | None) -> tuple[Document, BriefSource]:
    async with services.database.open(company_id) as uow:
        document = await uow.documents.find(platform, DocType.TICKET, ticket_id)
        connections = await uow.connections.list()
    if document is not None and document.state is not DocState.DELETED:
        return document, BriefSource.STORE
    for connection in connections:
        if connection.state is not ConnectionState.ACTIVE or platform not in (None, connection.platform):
            continue
        source = await open_source(services, company_id, connection, Lane.LIVE)
        try:
            fetched = await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=ticket_id, version=""))
        except AppError as error:
            if error.code is not Code.SOURCE_ITEM_NOT_FOUND:
                raise
            continue
        finally:
            await source.close()
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
            async with services.database.open(company_id) as uow:
                await uow.documents.put([document])
                uow.enqueue(Job(name=JobName.PROCESS_DOCUMENTS, company_id=company_id, subject=ALL))
            return document, BriefSource.HELPDESK
    raise AppError(Code.TICKET_NOT_FOUND, f"Neither the store nor a connected helpdesk has ticket {ticket_id}. Check the number, or sync.")


async def _summarized(services: Services, company_id: str, document: Document) -> Document:
    """With summaries: those the store has, else made on the spot and cached, so that the pipeline does not pay again.

    Without them where the model is away: tickets like this one can be found all the same.
    """
    if document.summary is not None or document.state in (DocState.INDEXED, DocState.SKIPPED):
        return document
    chat = (await services.models_of(company_id)).summarize
    async with services.database.open(company_id) as uow:
        cached = await uow.usage.get_cached([task.key for task in summarize.plan(document, chat)])
    known = {key: summary for key, data in cached.items() if (summary := summarize.decode(data)) is not None}
    try:
        made = await summarize.summarize(document, chat=chat, cached=known)
    except AppError as error:
        if error.retry is Retry.NEVER or error.code.startswith("llm_") or error.code is Code.SUMMARY_INVALID:
            return document
        raise
    async with services.database.open(company_id) as uow:
        await uow.usage.put_cached({key: summarize.encode(value) for key, value in made.fresh.items()}, Purpose.SUMMARY)
        if made.usage.calls:
            await uow.usage.add([_row(chat.provider, chat.model, Purpose.SUMMARY, made.usage)])
    return msgspec.structs.replace(document, summary=made.summary, internal_summary=made.internal_summary)


async def _keep_answer(services: Services, company_id: str, answer: Answer) -> None:
    services.meter.count("answers", 1, grounded=str(answer.grounded).lower())
    async with services.database.open(company_id) as uow:
        await uow.feedback.put_answer(answer)
    await _spend(services, company_id, services.models.generate, Purpose.ANSWER, answer.usage)


async def _spend(services: Services, company_id: str, chat: ChatModel, purpose: Purpose, usage: Usage) -> None:
    if not usage.calls:
        return
    async with services.database.open(company_id) as uow:
        await uow.usage.add([_row(chat.provider, chat.model, purpose, usage)])


def _row(provider: str, model: str, purpose: Purpose, usage: Usage) -> UsageRow:
    return UsageRow(day=clock.now().date(), provider=provider, model=model, purpose=purpose, usage=usage)


def _of_type(filters: Filters, doc_type: DocType) -> Filters:
    return msgspec.structs.replace(filters, doc_types=(doc_type,))


def _search_text(document: Document, summary: Summary | None, *, internal: bool) -> str:
    if summary is not None:
        return f"{document.title}\n{summary.problem}"[:QUERY_CHARS]
    first = next((part.text for part in visible_parts(document.parts, internal=internal)), "")
    return f"{document.title}\n{first}"[:QUERY_CHARS]


def _by_type(answer: Answer, result: SearchResult, ask: AskInput, *, took_ms: float) -> QueryResult:
    def page(hits: list[Hit]) -> tuple[Hit, ...]:
        return tuple(hits[ask.offset : ask.offset + ask.top_k])

    hits = result.hits
    return QueryResult(
        answer=answer,
        tickets=page([hit for hit in hits if hit.doc_type is DocType.TICKET]),
        articles=page([hit for hit in hits if hit.doc_type is DocType.ARTICLE]),
        documents=page([hit for hit in hits if hit.doc_type is DocType.UPLOAD]),
        attachments=page([hit for hit in hits if hit.chunk.kind == "attachment"]),
        took_ms=took_ms,
    )


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000

"""What an agent asks beside a ticket: an answer with sources, and what was found (SPEC F3)."""

import asyncio
import time
from collections.abc import AsyncIterator

from msgspec import structs

from backend.core.answer.generate import generate_answer, stream_answer
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.spent import book_usage
from backend.core.model.answer import Answer, AnswerEvent, AnswerEventKind
from backend.core.model.budget import Purpose
from backend.core.model.copilot import AskInput, FoundByType, FoundHits, Intent, QueryResult
from backend.core.model.search import Query, SearchResult
from backend.core.model.tenant import Caller
from backend.core.ports.llm import ChatModel
from backend.core.ports.services import Services
from backend.core.retrieve.by_type import find_by_type
from backend.core.retrieve.find import CANDIDATES, find, narrowed
from backend.core.retrieve.named import named_hits


async def answer_query(services: Services, company_id: str, caller: Caller, ask: AskInput) -> QueryResult:
    """A grounded answer with what was found, by type. Raises QUESTION_TOO_LONG or an LLM_* error."""
    began = time.perf_counter()
    query, result, intent = await _find(services, company_id, caller, ask)
    listing = asyncio.ensure_future(find_by_type(services, company_id, query, result, offset=ask.offset, top_k=ask.top_k))
    try:
        answer = await _answered(services, company_id, caller, ask, result)
        found = await listing
    finally:
        listing.cancel()
        await asyncio.gather(listing, return_exceptions=True)
    return QueryResult(answer=answer, intent=intent, degraded=result.degraded, took_ms=_ms_since(began), **structs.asdict(found))


async def stream_query(services: Services, company_id: str, caller: Caller, ask: AskInput) -> AsyncIterator[AnswerEvent]:
    """The same as it comes: HITS with FoundHits, TOKEN…, DONE with the Answer, or ERROR. No transaction is held meanwhile."""
    query, result, intent = await _find(services, company_id, caller, ask)
    found = await find_by_type(services, company_id, query, result, offset=ask.offset, top_k=ask.top_k)
    chat = (await services.models_of(company_id)).generate
    events = stream_answer(
        ask.question,
        result,
        chat=chat,
        language=ask.language,
        for_customer=not caller.sees_internal,
    )
    async for event in events:
        if event.kind is AnswerEventKind.HITS:
            yield structs.replace(event, data=_found_hits(result, found, intent))
            continue
        if event.kind is AnswerEventKind.DONE:
            await _keep_answer(services, company_id, chat, event.data)
        yield event


async def _find(services: Services, company_id: str, caller: Caller, ask: AskInput) -> tuple[Query, SearchResult, Intent]:
    """What the answer rests on, whichever page is shown beside it: tickets that the question names, then what speaks about it."""
    limit = services.policy.question_max_chars
    if len(ask.question) > limit:
        raise AppError(Code.QUESTION_TOO_LONG, f"The question has {len(ask.question):,} characters; ask with at most {limit:,}.")
    query = Query(text=ask.question, filters=narrowed(ask.filters, caller), top_k=CANDIDATES, weak=False)
    named, result = await asyncio.gather(named_hits(services, company_id, caller, ask), find(services, company_id, query))
    if not named:
        return query, result, Intent.QUESTION
    ids = {hit.document_id for hit in named}
    others = [hit for hit in result.hits if hit.document_id not in ids] if result.answerable else []
    hits = (*named, *others)
    return query, structs.replace(result, hits=hits[:CANDIDATES], answerable=True), Intent.LOOKUP


async def _answered(services: Services, company_id: str, caller: Caller, ask: AskInput, result: SearchResult) -> Answer:
    chat = (await services.models_of(company_id)).generate
    with services.meter.stage("generate"):
        answer = await generate_answer(
            ask.question,
            result,
            chat=chat,
            language=ask.language,
            for_customer=not caller.sees_internal,
        )
    await _keep_answer(services, company_id, chat, answer)
    return answer


async def _keep_answer(services: Services, company_id: str, chat: ChatModel, answer: Answer) -> None:
    services.meter.count("answers", 1, grounded=str(answer.grounded).lower())
    async with services.database.open(company_id) as uow:
        await uow.feedback.put_answer(answer)
    await book_usage(services, company_id, chat, Purpose.ANSWER, answer.usage)


def _found_hits(result: SearchResult, found: FoundByType, intent: Intent) -> FoundHits:
    return FoundHits(
        hits=result.hits,
        answerable=result.answerable,
        intent=intent,
        degraded=result.degraded,
        took_ms=result.took_ms,
        **structs.asdict(found),
    )


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000

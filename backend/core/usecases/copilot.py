"""What an agent asks beside a ticket: an answer with sources, and what was found (SPEC F3)."""

import time
from collections.abc import AsyncIterator

from backend.core.answer.generate import generate_answer, stream_answer
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.spent import book_usage
from backend.core.model.answer import Answer, AnswerEvent, AnswerEventKind
from backend.core.model.budget import Purpose
from backend.core.model.copilot import AskInput, QueryResult
from backend.core.model.document import DocType
from backend.core.model.search import Hit, Query, SearchResult
from backend.core.model.tenant import Caller
from backend.core.ports.services import Services
from backend.core.retrieve.find import find, narrowed

CANDIDATES = 30
"""Hits that are ranked and that an answer may draw on, before they are split by type."""


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


async def _find(services: Services, company_id: str, caller: Caller, ask: AskInput) -> SearchResult:
    limit = services.policy.question_max_chars
    if len(ask.question) > limit:
        raise AppError(Code.QUESTION_TOO_LONG, f"The question has {len(ask.question):,} characters; ask with at most {limit:,}.")
    top_k = max(CANDIDATES, 3 * (ask.offset + ask.top_k))
    return await find(services, company_id, Query(text=ask.question, filters=narrowed(ask.filters, caller), top_k=top_k, weak=False))


async def _keep_answer(services: Services, company_id: str, answer: Answer) -> None:
    services.meter.count("answers", 1, grounded=str(answer.grounded).lower())
    async with services.database.open(company_id) as uow:
        await uow.feedback.put_answer(answer)
    await book_usage(services, company_id, services.models.generate, Purpose.ANSWER, answer.usage)


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

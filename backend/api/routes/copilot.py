"""The agent copilot: a ticket's brief, questions, reply drafts (SPEC F2 to F4)."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Path, Query, Request, Response

from backend.api.deps import QueryCaller, ReplyCaller, ServicesDep
from backend.api.errors import LLM, SOURCE, error_body, problems, request_id_of
from backend.api.routes import API
from backend.api.schemas.copilot import (
    AnswerOut,
    BriefOut,
    HitsEventOut,
    QueryIn,
    QueryOut,
    ReplyIn,
    ReplyOut,
    TokenEventOut,
)
from backend.api.sse import EVENTS, Event, EventStream, event_of, event_stream
from backend.core.errors import AppError, Code
from backend.core.model.answer import AnswerEvent, AnswerEventKind
from backend.core.model.article import Visibility
from backend.core.model.auth import TenantCaller
from backend.core.model.copilot import AskInput, QueryResult, ReplyDraft, ReplyInput
from backend.core.usecases import copilot

router = APIRouter(prefix=API, tags=["copilot"])


@router.get("/init/{ticket_id}", response_model=BriefOut, responses=problems(Code.TICKET_NOT_FOUND, *LLM, *SOURCE))
async def init_ticket(
    *,
    request: Request,
    services: ServicesDep,
    caller: QueryCaller,
    ticket_id: str = Path(max_length=100, description="The ticket's id on its platform."),
    platform: str | None = Query(None, max_length=50, description="Left out: whichever has a ticket of this id."),
    top_k: int = Query(5, ge=1, le=20, description="Similar tickets and articles, each."),
) -> Response:
    """What a ticket is about, tickets like it, and articles that may answer it. Answers 304 to a matching If-None-Match."""
    brief = BriefOut.model_validate(
        await copilot.init_ticket(services, caller.company_id, caller, ticket_id, platform=platform, top_k=top_k)
    )
    etag = _etag(brief)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key"}
    if etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(brief.model_dump_json(), headers=headers, media_type="application/json")


@router.post("/query", response_model=QueryOut, responses=problems(Code.QUESTION_TOO_LONG, *LLM, body=True))
async def answer_query(body: QueryIn, services: ServicesDep, caller: QueryCaller) -> QueryResult:
    """A grounded answer with numbered citations and what was found, by type; it says so when the sources don't answer."""
    return await copilot.answer_query(services, caller.company_id, caller, _ask(body, caller))


@router.post("/query/stream", response_class=EventStream, responses={**EVENTS, **problems(Code.QUESTION_TOO_LONG, *LLM, body=True)})
async def stream_query(request: Request, body: QueryIn, services: ServicesDep, caller: QueryCaller) -> EventStream:
    """The same as an event stream: `hits`, `token` as often as there is text, then `done` with the answer, or `error`."""
    request_id = request_id_of(request.scope)
    events = copilot.stream_query(services, caller.company_id, caller, _ask(body, caller))
    return await event_stream(_events(events, request_id), request_id=request_id, streams=request.app.state.streams)


@router.post("/generate_reply", response_model=ReplyOut, responses=problems(Code.TICKET_NOT_FOUND, *LLM, *SOURCE, body=True))
async def generate_reply(body: ReplyIn, services: ServicesDep, caller: ReplyCaller) -> ReplyDraft:
    """A draft of a reply to the ticket's customer, from nothing that a customer may not see."""
    wanted = ReplyInput(
        ticket_id=body.ticket_id, platform=body.platform, tone=body.tone, language=body.language, hint=body.hint, length=body.length
    )
    return await copilot.generate_reply(services, caller.company_id, caller, wanted)


def _ask(body: QueryIn, caller: TenantCaller) -> AskInput:
    if not caller.sees_internal and Visibility.INTERNAL in body.filters.visibilities:
        raise AppError(Code.FORBIDDEN, "Your key does not have the scope internal:read; ask for other visibilities.")
    return AskInput(question=body.question, filters=body.filters.as_filters(), top_k=body.top_k, offset=body.offset, language=body.language)


def _etag(brief: BriefOut) -> str:
    """The same for the same content: how long it took this time is not content."""
    content = brief.model_dump_json(exclude={"took_ms"}).encode()
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


async def _events(events: AsyncIterator[AnswerEvent], request_id: str) -> AsyncGenerator[Event]:
    try:
        async for event in events:
            yield _event(event, request_id)
    finally:
        # A reader that goes away must end the model's stream now, not when the garbage is collected.
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _event(event: AnswerEvent, request_id: str) -> Event:
    if event.kind is AnswerEventKind.HITS:
        return _json(event.kind, HitsEventOut.model_validate(event.data))
    if event.kind is AnswerEventKind.TOKEN:
        return _json(event.kind, TokenEventOut(text=event.data))
    if event.kind is AnswerEventKind.DONE:
        return _json(event.kind, AnswerOut.model_validate(event.data))
    told: dict[str, Any] = event.data
    error = AppError(Code(told["code"]), told["message"], retry_after=told.get("retry_after"))
    return event_of(event.kind.value, error_body(error, request_id))


def _json(kind: AnswerEventKind, data: HitsEventOut | TokenEventOut | AnswerOut) -> Event:
    return Event(name=kind.value, data=data.model_dump_json().encode())

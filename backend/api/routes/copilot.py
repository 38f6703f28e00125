"""The agent copilot: a ticket's brief, and questions (SPEC F2, F3)."""

import hashlib

from fastapi import APIRouter, Path, Query, Request, Response

from backend.api.answers import answer_events
from backend.api.deps import QueryCaller, ServicesDep
from backend.api.errors import LLM, SOURCE, problems, request_id_of
from backend.api.routes import API
from backend.api.schemas.copilot import AnswerOut, BriefOut, QueryIn, QueryOut
from backend.api.sse import EVENTS, EventStream, event_stream
from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.auth import TenantCaller
from backend.core.model.copilot import AskInput, QueryResult
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
    return await event_stream(answer_events(events, request_id, AnswerOut), request_id=request_id, streams=request.app.state.streams)


def _ask(body: QueryIn, caller: TenantCaller) -> AskInput:
    if not caller.sees_internal and Visibility.INTERNAL in body.filters.visibilities:
        raise AppError(Code.FORBIDDEN, "Your key does not have the scope internal:read; ask for other visibilities.")
    return AskInput(question=body.question, filters=body.filters.as_filters(), top_k=body.top_k, offset=body.offset, language=body.language)


def _etag(brief: BriefOut) -> str:
    """The same for the same content: how long it took this time is not content."""
    content = brief.model_dump_json(exclude={"took_ms"}).encode()
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'

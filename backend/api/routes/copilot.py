"""The agent copilot: questions (SPEC F3)."""

from fastapi import APIRouter, Request

from backend.api.answers import answer_stream
from backend.api.deps import QueryCaller, ServicesDep
from backend.api.errors import LLM, problems
from backend.api.routes import API
from backend.api.schemas.copilot import AnswerOut, QueryIn, QueryOut
from backend.api.sse import EVENTS, EventStream
from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.auth import TenantCaller
from backend.core.model.copilot import AskInput, QueryResult
from backend.core.usecases import copilot

router = APIRouter(prefix=API, tags=["copilot"])


@router.post("/query", response_model=QueryOut, responses=problems(Code.QUESTION_TOO_LONG, *LLM, body=True))
async def answer_query(body: QueryIn, services: ServicesDep, caller: QueryCaller) -> QueryResult:
    """A grounded answer with numbered citations and what was found, by type; it says so when the sources don't answer."""
    return await copilot.answer_query(services, caller.company_id, caller, _ask(body, caller))


@router.post("/query/stream", response_class=EventStream, responses={**EVENTS, **problems(Code.QUESTION_TOO_LONG, *LLM, body=True)})
async def stream_query(request: Request, body: QueryIn, services: ServicesDep, caller: QueryCaller) -> EventStream:
    """The same as an event stream: `stream`, `hits`, `token` as often as there is text, then `done` with the answer, or `error`.

    `stream` names the stream: it is written on when its reader is gone, and `GET /api/v1/streams/{stream_id}` reads on.
    """
    events = copilot.stream_query(services, caller.company_id, caller, _ask(body, caller))
    return await answer_stream(request, caller, events, AnswerOut)


def _ask(body: QueryIn, caller: TenantCaller) -> AskInput:
    if not caller.sees_internal and Visibility.INTERNAL in body.filters.visibilities:
        raise AppError(Code.FORBIDDEN, "Your key does not have the scope internal:read; ask for other visibilities.")
    return AskInput(question=body.question, filters=body.filters.as_filters(), top_k=body.top_k, offset=body.offset, language=body.language)

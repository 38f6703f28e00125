"""Draft replies to customers (SPEC F4)."""

from fastapi import APIRouter, Request

from backend.api.answers import answer_events
from backend.api.deps import ReplyCaller, ServicesDep
from backend.api.errors import LLM, SOURCE, problems, request_id_of
from backend.api.routes import API
from backend.api.schemas.copilot import ReplyIn, ReplyOut
from backend.api.sse import EVENTS, EventStream, event_stream
from backend.core.errors import Code
from backend.core.model.copilot import ReplyDraft, ReplyInput
from backend.core.usecases import reply

router = APIRouter(prefix=API, tags=["copilot"])
_PROBLEMS = problems(Code.TICKET_NOT_FOUND, *LLM, *SOURCE, body=True)


@router.post("/generate_reply", response_model=ReplyOut, responses=_PROBLEMS)
async def generate_reply(body: ReplyIn, services: ServicesDep, caller: ReplyCaller) -> ReplyDraft:
    """A draft of a reply to the ticket's customer, from nothing that a customer may not see."""
    return await reply.generate_reply(services, caller.company_id, caller, _wanted(body))


@router.post("/generate_reply/stream", response_class=EventStream, responses={**EVENTS, **_PROBLEMS})
async def stream_reply(request: Request, body: ReplyIn, services: ServicesDep, caller: ReplyCaller) -> EventStream:
    """The same as an event stream: `hits`, `token` as often as there is text, then `done` with the draft, or `error`.

    The draft of `done` is what counts: where the text was thrown away on its way, its `warnings` say why.
    """
    request_id = request_id_of(request.scope)
    events = reply.stream_reply(services, caller.company_id, caller, _wanted(body))
    return await event_stream(answer_events(events, request_id, ReplyOut), request_id=request_id, streams=request.app.state.streams)


def _wanted(body: ReplyIn) -> ReplyInput:
    return ReplyInput(
        ticket_id=body.ticket_id, platform=body.platform, tone=body.tone, language=body.language, hint=body.hint, length=body.length
    )

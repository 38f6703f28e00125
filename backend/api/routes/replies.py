"""Draft replies to customers, and drafts written anew (SPEC F4)."""

from fastapi import APIRouter, Request

from backend.api.answers import answer_stream
from backend.api.deps import ReplyCaller, ServicesDep
from backend.api.errors import LLM, SOURCE, problems
from backend.api.routes import API
from backend.api.schemas.copilot import ReplyIn, ReplyOut, RewriteIn, RewriteOut
from backend.api.sse import EVENTS, EventStream
from backend.core.errors import Code
from backend.core.model.copilot import ReplyDraft, ReplyInput, RewriteInput, Rewritten
from backend.core.usecases import reply, rewrite

router = APIRouter(prefix=API, tags=["copilot"])
_PROBLEMS = problems(Code.TICKET_NOT_FOUND, *LLM, *SOURCE, body=True)
_REWRITE_PROBLEMS = problems(Code.LANGUAGE_MODEL_NEEDED, *LLM, body=True)


@router.post("/generate_reply", response_model=ReplyOut, responses=_PROBLEMS)
async def generate_reply(body: ReplyIn, services: ServicesDep, caller: ReplyCaller) -> ReplyDraft:
    """A draft of a reply to the ticket's customer, from nothing that a customer may not see."""
    return await reply.generate_reply(services, caller.company_id, caller, _wanted(body))


@router.post("/generate_reply/stream", response_class=EventStream, responses={**EVENTS, **_PROBLEMS})
async def stream_reply(request: Request, body: ReplyIn, services: ServicesDep, caller: ReplyCaller) -> EventStream:
    """The same as an event stream: `stream`, `hits`, `token` as often as there is text, then `done` with the draft, or `error`.

    The draft of `done` is what counts: where the text was thrown away on its way, its `warnings` say why.
    """
    events = reply.stream_reply(services, caller.company_id, caller, _wanted(body))
    return await answer_stream(request, caller, events, ReplyOut)


@router.post("/rewrite", response_model=RewriteOut, responses=_REWRITE_PROBLEMS)
async def rewrite_text(body: RewriteIn, services: ServicesDep, caller: ReplyCaller) -> Rewritten:
    """A draft rephrased, shortened, expanded, translated or in another tone; `warnings` name facts that were lost or added.

    The offline model shortens and changes the tone; for the rest it answers `language_model_needed`.
    """
    return await rewrite.rewrite(services, caller.company_id, _edited(body))


@router.post("/rewrite/stream", response_class=EventStream, responses={**EVENTS, **_REWRITE_PROBLEMS})
async def stream_rewrite(request: Request, body: RewriteIn, services: ServicesDep, caller: ReplyCaller) -> EventStream:
    """The same as an event stream: `stream`, `token` as often as there is text, then `done` with the new text, or `error`."""
    events = rewrite.stream_rewrite(services, caller.company_id, _edited(body))
    return await answer_stream(request, caller, events, RewriteOut)


def _wanted(body: ReplyIn) -> ReplyInput:
    return ReplyInput(
        ticket_id=body.ticket_id, platform=body.platform, tone=body.tone, language=body.language, hint=body.hint, length=body.length
    )


def _edited(body: RewriteIn) -> RewriteInput:
    return RewriteInput(text=body.text, action=body.action, language=body.language, tone=body.tone)

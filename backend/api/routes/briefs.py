"""What an agent sees on opening a ticket (SPEC F2)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from backend.api.deps import VARY, QueryCaller, ServicesDep
from backend.api.errors import LLM, SOURCE, problems, request_id_of
from backend.api.routes import API
from backend.api.schemas.copilot import BeingFetchedOut, BriefOut
from backend.api.sse import EVENTS, EventStream, event_stream
from backend.core.errors import Code
from backend.core.model.copilot import BriefEvent
from backend.core.model.stream import Event
from backend.core.usecases import brief

router = APIRouter(prefix=API, tags=["copilot"])
_PROBLEMS = problems(Code.TICKET_NOT_FOUND, *LLM, *SOURCE)
_OTHERWISE: dict[int | str, dict[str, Any]] = {
    202: {"model": BeingFetchedOut, "description": "It is being fetched; ask `Location` again after `Retry-After` seconds."},
    304: {"description": "As it was."},
}
TicketId = Annotated[str, Path(max_length=100, description="The ticket's id on its platform.")]
Platform = Annotated[str | None, Query(max_length=50, description="Left out: whichever has a ticket of this id.")]
TopK = Annotated[int, Query(ge=1, le=20, description="Similar tickets and articles, each.")]


@router.get("/init/{ticket_id}", response_model=BriefOut, responses={**_OTHERWISE, **_PROBLEMS})
async def init_ticket(
    *, request: Request, services: ServicesDep, caller: QueryCaller, ticket_id: TicketId, platform: Platform = None, top_k: TopK = 5
) -> Response:
    """What a ticket is about, tickets like it, and articles that may answer it. Answers 304 to a matching If-None-Match.

    It is found once for each state of the ticket, the index and the feedback. A ticket that was never seen is fetched from the
    helpdesk; where that takes long (DESKLORE_INIT_WAIT_SECONDS), the answer is 202 and says where to ask again.
    """
    opened = await brief.open_brief(services, caller.company_id, caller, ticket_id, platform=platform, top_k=top_k)
    if opened is None:
        return _being_fetched(request, ticket_id)
    headers = {"ETag": opened.etag, "Cache-Control": "private, no-cache", "Vary": VARY}
    if opened.etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(BriefOut.model_validate(opened.brief).model_dump_json(), headers=headers, media_type="application/json")


@router.get("/init/{ticket_id}/stream", response_class=EventStream, responses={**EVENTS, **_PROBLEMS})
async def stream_ticket(
    *, request: Request, services: ServicesDep, caller: QueryCaller, ticket_id: TicketId, platform: Platform = None, top_k: TopK = 5
) -> EventStream:
    """The same in parts as they are found: `ticket`, `summary`, then `similar` and `articles`, `done` with the whole, or `error`.

    The data of each event is the brief with all that was found until then.
    """
    request_id = request_id_of(request.scope)
    events = brief.stream_brief(services, caller.company_id, caller, ticket_id, platform=platform, top_k=top_k)
    return await event_stream(_events(events), request_id=request_id, streams=request.app.state.streams)


def _being_fetched(request: Request, ticket_id: str) -> Response:
    # Only the path and the query: behind a proxy this process does not know its own name.
    place = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    body = BeingFetchedOut(ticket_id=ticket_id, state="fetching", poll=place).model_dump_json()
    headers = {"Location": place, "Retry-After": "1", "Cache-Control": "no-store"}
    return Response(body, status_code=202, headers=headers, media_type="application/json")


async def _events(events: AsyncGenerator[BriefEvent]) -> AsyncGenerator[Event]:
    async with aclosing(events):
        async for event in events:
            yield Event(name=event.name, data=BriefOut.model_validate(event.brief).model_dump_json().encode())

"""Streamed answers once more: reading on where a reader left, and canceling (SPEC G3)."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response

from backend.api.deps import AnsweringDep, TenantAnyCaller
from backend.api.errors import problems, request_id_of
from backend.api.routes import API
from backend.api.schemas.streams import StreamOut
from backend.api.sse import EVENTS, EventStream, kept_stream
from backend.core.errors import Code

router = APIRouter(prefix=API, tags=["copilot"])
StreamId = Annotated[str, Path(max_length=100, description="As the stream's first event, `stream`, named it.")]
LastEvent = Annotated[
    int, Header(alias="Last-Event-ID", ge=0, le=10**9, description="The `id` of the last event that came; 0: from the first on.")
]
_OTHERWISE: dict[int | str, dict[str, Any]] = {204: {"description": "It has ended, and you have its last event."}}
_PROBLEMS = problems(Code.STREAM_NOT_FOUND, Code.SHARED_STATE_UNAVAILABLE)


@router.get("/streams/{stream_id}", response_class=EventStream, responses={**EVENTS, **_OTHERWISE, **_PROBLEMS})
async def read_stream(
    request: Request, answering: AnsweringDep, caller: TenantAnyCaller, stream_id: StreamId, last_event_id: LastEvent = 0
) -> Response:
    """Go on reading a streamed answer or draft after the event `Last-Event-ID`, as it is written, in whichever process that is.

    Only the key (or the token's subject) that asked may, with no less rights than it asked with; for everybody else there is no such
    stream. One that has ended can be read for DESKLORE_STREAM_KEPT_SECONDS; then, and where the process that wrote it died
    (`stream_interrupted`), ask the question again. An `error` event without an `id` says what keeps us from reading on right now.
    """
    events = await answering.resume(caller, stream_id, last_event_id)
    if events is None:
        return Response(status_code=204)
    return kept_stream(events, request_id=request_id_of(request.scope), streams=request.app.state.streams, after=last_event_id)


@router.post("/streams/{stream_id}/cancel", response_model=StreamOut, responses=_PROBLEMS)
async def cancel_stream(answering: AnsweringDep, caller: TenantAnyCaller, stream_id: StreamId) -> StreamOut:
    """Stop writing; its last event is an `error` with `answer_canceled`. What the model said until then is paid for.

    Only who may read the stream may cancel it. One that has ended is left as it is.
    """
    state = await answering.cancel(caller, stream_id)
    return StreamOut(stream_id=stream_id, ended=state.ended)

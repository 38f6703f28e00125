"""A streamed answer or draft as server-sent events: `hits`, `token` as often as there is text, then `done` or `error`."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from backend.api.errors import error_body
from backend.api.schemas.base import Out
from backend.api.schemas.copilot import HitsEventOut, TokenEventOut
from backend.api.sse import Event, event_of
from backend.core.errors import AppError, Code
from backend.core.model.answer import AnswerEvent, AnswerEventKind


async def answer_events(events: AsyncIterator[AnswerEvent], request_id: str, done: type[Out]) -> AsyncGenerator[Event]:
    """The events as they go out; `done` is the shape of the last one's data."""
    try:
        async for event in events:
            yield _event(event, request_id, done)
    finally:
        # A reader that goes away must end the model's stream now, not when the garbage is collected.
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _event(event: AnswerEvent, request_id: str, done: type[Out]) -> Event:
    if event.kind is AnswerEventKind.HITS:
        return _json(event.kind, HitsEventOut.model_validate(event.data))
    if event.kind is AnswerEventKind.TOKEN:
        return _json(event.kind, TokenEventOut(text=event.data))
    if event.kind is AnswerEventKind.DONE:
        return _json(event.kind, done.model_validate(event.data))
    told: dict[str, Any] = event.data
    error = AppError(Code(told["code"]), told["message"], retry_after=told.get("retry_after"))
    return event_of(event.kind.value, error_body(error, request_id))


def _json(kind: AnswerEventKind, data: Out) -> Event:
    return Event(name=kind.value, data=data.model_dump_json().encode())

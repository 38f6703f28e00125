"""A streamed answer or draft as server-sent events: `stream`, `hits`, `token` as often as there is text, then `done` or `error`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import Request

from backend.api.errors import error_body, request_id_of, result_or_error
from backend.api.schemas.base import Out
from backend.api.schemas.copilot import HitsEventOut, TokenEventOut
from backend.api.sse import EventStream, event_of, kept_stream
from backend.core.errors import AppError, Code
from backend.core.model.answer import AnswerEvent, AnswerEventKind
from backend.core.model.auth import TenantCaller
from backend.core.model.stream import Event
from backend.core.ports.services import Services
from backend.core.usecases.streams import Answering


async def answer_stream(request: Request, caller: TenantCaller, events: AsyncIterator[AnswerEvent], done: type[Out]) -> EventStream:
    """Have the answer written, and send it to whom asked; it is written on when they leave.

    `done` is the shape of the last event's data. What fails before the first event of the answer is an ordinary error.
    """
    app, request_id = request.app.state, request_id_of(request.scope)
    answering: Answering = app.answering
    services: Services = app.services

    def told(error: AppError) -> Event:
        return event_of("error", error_body(error, request_id))

    stream_id = await answering.start(caller, _to_the_last(_answer_events(events, request_id, done), request_id), told)
    return kept_stream(services.streams.read(caller.company_id, stream_id), request_id=request_id, streams=app.streams)


async def _to_the_last(events: AsyncGenerator[Event], request_id: str) -> AsyncGenerator[Event]:
    """The events; what fails after the first of them is the last one."""
    async with aclosing(events):
        found: Event | dict[str, Any] | None = await anext(events, None)
        while isinstance(found, Event):
            yield found
            found = await result_or_error(anext(events, None), request_id)
        if found is not None:
            yield event_of("error", found)


async def _answer_events(events: AsyncIterator[AnswerEvent], request_id: str, done: type[Out]) -> AsyncGenerator[Event]:
    try:
        async for event in events:
            yield _event(event, request_id, done)
    finally:
        # An answer that is canceled must end the model's stream now, not when the garbage is collected.
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

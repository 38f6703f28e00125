"""Server-sent events: framing, heartbeats, and an end that a reader can tell from a broken connection.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import msgspec
from starlette.responses import StreamingResponse

from backend.api.errors import result_or_error
from backend.core.ports.meter import Meter

HEARTBEAT_SECONDS: Final = 15.0
"""Proxies close connections that are silent for a minute, some for half of one."""
_HEARTBEAT: Final = b": heartbeat\n\n"
EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events until the last one.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
"""The `responses` entry of a route that sends events."""
_HEADERS: Final = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """A response of events. The framework's own is for routes that are generators: they can't fail before they begin."""

    media_type = "text/event-stream"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event: its name and its data as JSON."""

    name: str
    data: bytes


class OpenStreams:
    """How many streams are open, for the gauge."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._open = 0

    def change(self, by: int) -> None:
        """One more or one less."""
        self._open += by
        self._meter.level("streams_open", self._open)


def event_of(name: str, data: Any) -> Event:
    """An event with any data msgspec can encode."""
    return Event(name=name, data=msgspec.json.encode(data))


async def event_stream(
    events: AsyncGenerator[Event], *, request_id: str, streams: OpenStreams, heartbeat: float = HEARTBEAT_SECONDS
) -> EventStream:
    """A response that sends the events as they come, numbered from 1.

    The first event is awaited before anything is sent: what fails until then is an ordinary error with its status.
    What fails later is an `error` event in the same shape, and the last one.
    """
    first = await anext(events, None)
    body = _framed(first, events, request_id=request_id, heartbeat=heartbeat)
    return EventStream(_counted(body, streams), headers=_HEADERS)


async def _counted(body: AsyncGenerator[bytes], streams: OpenStreams) -> AsyncIterator[bytes]:
    streams.change(+1)
    try:
        async with aclosing(body):
            async for piece in body:
                yield piece
    finally:
        streams.change(-1)


async def _framed(first: Event | None, events: AsyncGenerator[Event], *, request_id: str, heartbeat: float) -> AsyncGenerator[bytes]:
    number = 0
    event = first
    async with aclosing(events):
        while event is not None:
            number += 1
            yield _frame(number, event)
            following = asyncio.ensure_future(_next(events, request_id))
            try:
                while not (await asyncio.wait({following}, timeout=heartbeat))[0]:
                    yield _HEARTBEAT
                event = following.result()
            finally:
                # A reader who left must not leave the work for the answer running; its end is awaited, so nothing is lost.
                if not following.done():
                    following.cancel()
                    await asyncio.wait({following})


async def _next(events: AsyncGenerator[Event], request_id: str) -> Event | None:
    found = await result_or_error(anext(events, None), request_id)
    return event_of("error", found) if isinstance(found, dict) else found


def _frame(number: int, event: Event) -> bytes:
    # JSON has no raw line breaks, so one data line is enough.
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, event.name.encode(), event.data)

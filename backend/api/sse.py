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
from backend.core.model.stream import Event
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
    body = _framed(events, request_id=request_id, heartbeat=heartbeat, first=first)
    return EventStream(_counted(body, streams), headers=_HEADERS)


def kept_stream(
    events: AsyncGenerator[Event], *, request_id: str, streams: OpenStreams, after: int = 0, heartbeat: float = HEARTBEAT_SECONDS
) -> EventStream:
    """A response that sends events which are kept, numbered from the one after `after`.

    It begins at once, for the next event may take its time. What keeps us from reading on is an `error` event without an id, for
    it is none of the kept ones: a reader who comes back asks for what follows the last of those.
    """
    body = _framed(events, request_id=request_id, heartbeat=heartbeat, after=after, kept=True)
    return EventStream(_counted(body, streams), headers=_HEADERS)


async def _counted(body: AsyncGenerator[bytes], streams: OpenStreams) -> AsyncIterator[bytes]:
    streams.change(+1)
    try:
        async with aclosing(body):
            async for piece in body:
                yield piece
    finally:
        streams.change(-1)


async def _framed(
    events: AsyncGenerator[Event], *, request_id: str, heartbeat: float, first: Event | None = None, after: int = 0, kept: bool = False
) -> AsyncGenerator[bytes]:
    async with aclosing(events):
        if first is not None:
            after += 1
            yield _frame(after, first)
        while True:
            following = asyncio.ensure_future(result_or_error(anext(events, None), request_id))
            try:
                while not (await asyncio.wait({following}, timeout=heartbeat))[0]:
                    yield _HEARTBEAT
                event = following.result()
            finally:
                # A reader who left must not leave the work for the answer running; its end is awaited, so nothing is lost.
                if not following.done():
                    following.cancel()
                    await asyncio.wait({following})
            if event is None:
                return
            after += 1
            if isinstance(event, dict):
                yield _frame(None if kept else after, event_of("error", event))
                return
            yield _frame(after, event)


def _frame(number: int | None, event: Event) -> bytes:
    # JSON has no raw line breaks, so one data line is enough.
    named = b"" if number is None else b"id: %d\n" % number
    return named + b"event: %s\ndata: %s\n\n" % (event.name.encode(), event.data)

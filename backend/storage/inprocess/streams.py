"""Streams of one process, in its memory."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from backend.core.errors import AppError, Code
from backend.core.model.stream import Event, Stream, StreamState
from backend.storage.buffer import MAX_BYTES, Buffer

KEPT_SECONDS: Final = 600.0
ENDED_BYTES: Final = 64_000_000
"""Of all streams that have ended; beyond it the one that ended first goes before its time."""

_Place = tuple[str, str]


class InProcessStreams:
    """Buffers by tenant and id; see the port."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS, *, max_bytes: int = MAX_BYTES, ended_bytes: int = ENDED_BYTES) -> None:
        self._kept_seconds = kept_seconds
        self._max_bytes = max_bytes
        self._ended_bytes = ended_bytes
        self._buffers: dict[_Place, Buffer] = {}
        self._ended: dict[_Place, asyncio.TimerHandle] = {}
        """In the order in which they ended."""

    async def begin(self, company_id: str, stream: Stream, on_cancel: Callable[[], None]) -> "InProcessWriter":
        """Write a new stream."""
        buffer = self._buffers[company_id, stream.stream_id] = Buffer(stream, on_cancel, self._max_bytes)
        return InProcessWriter(buffer, lambda: self._keep((company_id, stream.stream_id)))

    async def look(self, company_id: str, stream_id: str) -> StreamState | None:
        """How a stream stands."""
        buffer = self.find(company_id, stream_id)
        return None if buffer is None else buffer.state

    async def read(self, company_id: str, stream_id: str, after: int = 0) -> AsyncGenerator[Event]:
        """The events after this one, and those to come, until the stream ends."""
        buffer = self.find(company_id, stream_id)
        if buffer is None:
            raise AppError(Code.STREAM_NOT_FOUND)
        async for event in buffer.read(after):
            yield event

    async def cancel(self, company_id: str, stream_id: str) -> None:
        """Ask whoever writes it to stop."""
        buffer = self.find(company_id, stream_id)
        if buffer is not None and not buffer.ended:
            buffer.on_cancel()

    async def drop(self, company_id: str) -> None:
        """Stop and forget all streams of the tenant."""
        for place in [place for place in self._buffers if place[0] == company_id]:
            buffer = self._buffers[place]
            self.forget(*place)
            if not buffer.ended:
                buffer.on_cancel()

    async def close(self) -> None:
        """Forget everything."""
        for place in [*self._buffers]:
            self.forget(*place)

    def find(self, company_id: str, stream_id: str) -> Buffer | None:
        """The stream's events, where they are here."""
        return self._buffers.get((company_id, stream_id))

    def forget(self, company_id: str, stream_id: str) -> None:
        """Keep it no longer; who reads it right now gets the rest."""
        self._buffers.pop((company_id, stream_id), None)
        timer = self._ended.pop((company_id, stream_id), None)
        if timer is not None:
            timer.cancel()

    def _keep(self, place: _Place) -> None:
        if place not in self._buffers or place in self._ended:
            return
        self._ended[place] = asyncio.get_running_loop().call_later(self._kept_seconds, self.forget, *place)
        size = sum(self._buffers[each].size for each in self._ended)
        while size > self._ended_bytes:
            oldest = next(iter(self._ended))
            size -= self._buffers[oldest].size
            self.forget(*oldest)


class InProcessWriter:
    """One stream that is being written."""

    def __init__(self, buffer: Buffer, keep: Callable[[], None]) -> None:
        self.buffer = buffer
        self._keep = keep

    def append(self, event: Event) -> None:
        """Add an event."""
        self.buffer.append(event)

    async def end(self) -> None:
        """No more events."""
        self.buffer.end()
        self._keep()

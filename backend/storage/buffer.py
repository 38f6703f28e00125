"""The events of one stream in the memory of the process that writes it, and those who wait for the next one."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from itertools import islice
from typing import Final

from backend.core.errors import AppError, Code
from backend.core.model.stream import Event, Stream, StreamState

MAX_BYTES: Final = 4_000_000
"""Of one stream; an answer with everything that was found has a hundredth of it."""
_OVERHEAD: Final = 100
"""Bytes of an event beside its data, about."""


class Buffer:
    """One stream's events; where they are too many, the oldest make room."""

    def __init__(self, stream: Stream, on_cancel: Callable[[], None], max_bytes: int = MAX_BYTES) -> None:
        self.stream = stream
        self.on_cancel = on_cancel
        self.first = 1
        """The number of the oldest event that is kept."""
        self.size = 0
        self.ended = False
        self._max_bytes = max_bytes
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self.first + len(self._events) - 1

    @property
    def state(self) -> StreamState:
        """How it stands."""
        return StreamState(stream=self.stream, last=self.last, ended=self.ended)

    def append(self, event: Event) -> None:
        """Add an event, unless it has ended."""
        if self.ended:
            return
        self._events.append(event)
        self.size += _size(event)
        while self.size > self._max_bytes and len(self._events) > 1:
            self.size -= _size(self._events.popleft())
            self.first += 1
        self._tell()

    def end(self) -> None:
        """No more events."""
        self.ended = True
        self._tell()

    def since(self, after: int) -> list[Event]:
        """What is there after the event of this number. Raises STREAM_NOT_FOUND where the next one made room."""
        if after + 1 < self.first:
            raise beginning_gone()
        return list(islice(self._events, after + 1 - self.first, None))

    async def read(self, after: int) -> AsyncGenerator[Event]:
        """The events after this one, and those to come, until it ends."""
        while True:
            changed = self._changed
            for event in self.since(after):
                after += 1
                yield event
            if changed is not self._changed:
                continue
            if self.ended:
                return
            await changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def beginning_gone() -> AppError:
    """The reader is too far behind."""
    return AppError(Code.STREAM_NOT_FOUND, "The stream is longer than what is kept of it, and your place is gone; ask again.")


def _size(event: Event) -> int:
    return len(event.data) + _OVERHEAD

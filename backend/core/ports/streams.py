"""What is being written for a reader, event by event: readers come, go and come back, in whichever process."""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from backend.core.model.stream import Event, Stream, StreamState


class StreamWriter(Protocol):
    """One stream that this process writes. The process vouches for it until it ends."""

    def append(self, event: Event) -> None:
        """Add an event. Never waits: where others read it in another process, they get it a moment later."""
        ...

    async def end(self) -> None:
        """No more events. Returns once all of them are where others find them, or can't be brought there now."""
        ...


class Streams(Protocol):
    """The streams of all tenants. An ended one can be read again for a while; the oldest events of a huge one make room."""

    async def begin(self, company_id: str, stream: Stream, on_cancel: Callable[[], None]) -> StreamWriter:
        """Write a new stream, which others know from now on.

        `on_cancel` is called when somebody, in whichever process, wants it to stop.
        """
        ...

    async def look(self, company_id: str, stream_id: str) -> StreamState | None:
        """How a stream stands; None where there is none (any more). Raises SHARED_STATE_UNAVAILABLE."""
        ...

    def read(self, company_id: str, stream_id: str, after: int = 0) -> AsyncGenerator[Event]:
        """The events after the one of this number, those to come too, until the stream ends.

        Raises STREAM_NOT_FOUND where the next event is not kept (any more), STREAM_INTERRUPTED where the process that wrote it is
        gone, and SHARED_STATE_UNAVAILABLE where nothing can be said now.
        """
        ...

    async def cancel(self, company_id: str, stream_id: str) -> None:
        """Ask whoever writes it to stop; nothing where it has ended. Raises SHARED_STATE_UNAVAILABLE."""
        ...

    async def drop(self, company_id: str) -> None:
        """Stop and forget all streams of the tenant."""
        ...

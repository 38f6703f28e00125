"""Streams in Redis: written by one process, read in all. See docs/decisions/0039-answers-that-outlast-their-request.md.

The process that writes a stream has its events in memory and gives them to readers of its own from there, also while Redis is
away. One task a process brings what is new in all its streams to Redis, a batch a round trip, vouches for them, and learns which
ones shall stop.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, Protocol

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.core.errors import AppError, Code
from backend.core.model.stream import Event, Stream, StreamState
from backend.storage.buffer import Buffer, beginning_gone
from backend.storage.redis import stream_scripts as scripts
from backend.storage.redis.connection import key, open_pool, translated

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 10.0
"""A writer that gives no sign of life for so long is taken for dead."""
KEPT_SECONDS: Final = 600.0
_BEAT_SECONDS: Final = 0.25
"""So often a writer looks whether it shall stop, and says that it lives."""
_BATCH_SECONDS: Final = 0.03
"""So long new events wait for company on their way to Redis."""
_END_SECONDS: Final = 3.0
"""So long the end of a stream waits for Redis."""
_BLOCK_MS: Final = 1_000
_PAGE: Final = 200
_READERS: Final = 200
"""Readers of other processes' streams that have a connection of their own; more take turns."""
_LOST: Final = -1
_GONE: Final = 2
_GONE_MS: Final = 60_000


class LocalWriter(Protocol):
    """What writes into this process's memory."""

    buffer: Buffer

    def append(self, event: Event) -> None:
        """Add an event."""
        ...

    async def end(self) -> None:
        """No more events."""
        ...


class LocalStreams(Protocol):
    """Streams in this process's memory."""

    async def begin(self, company_id: str, stream: Stream, on_cancel: Callable[[], None]) -> LocalWriter:
        """Write a new stream."""
        ...

    def find(self, company_id: str, stream_id: str) -> Buffer | None:
        """The stream's events, where they are here."""
        ...

    def forget(self, company_id: str, stream_id: str) -> None:
        """Keep it no longer."""
        ...

    async def drop(self, company_id: str) -> None:
        """Stop and forget all streams of the tenant."""
        ...

    async def close(self) -> None:
        """Forget everything."""
        ...


class RedisStreams:
    """Streams of all processes on one Redis; see the port."""

    def __init__(self, url: str, local: LocalStreams, *, kept_seconds: float = KEPT_SECONDS, lease_seconds: float = LEASE_SECONDS) -> None:
        self._redis: Redis = Redis(connection_pool=open_pool(url))
        self._reading: Redis = Redis(connection_pool=open_pool(url, _READERS))
        self._local = local
        self._kept_ms, self._lease = max(1, int(kept_seconds * 1000)), lease_seconds
        register = self._redis.register_script
        self._write, self._look = register(scripts.WRITE), register(scripts.LOOK)
        self._cancel, self._drop = register(scripts.CANCEL), register(scripts.DROP)
        self._writers: set[RedisWriter] = set()
        self._news = asyncio.Event()
        self._bringing: asyncio.Task[None] | None = None
        self._away = False

    async def begin(self, company_id: str, stream: Stream, on_cancel: Callable[[], None]) -> "RedisWriter":
        """Write a new stream; Redis knows it before anybody is told its id, unless Redis is away."""
        writer = RedisWriter(company_id, await self._local.begin(company_id, stream, on_cancel), self._news)
        with contextlib.ExitStack() as stack:
            stack.callback(self._local.forget, company_id, stream.stream_id)
            if not self._away:
                with contextlib.suppress(RedisError, OSError):
                    await self._bring([writer])
            stack.pop_all()
        self._writers.add(writer)
        if self._bringing is None or self._bringing.done():
            self._bringing = asyncio.create_task(self._bring_all())
        return writer

    async def look(self, company_id: str, stream_id: str) -> StreamState | None:
        """How a stream stands."""
        buffer = self._local.find(company_id, stream_id)
        return buffer.state if buffer is not None else (await self._looked(company_id, stream_id))[0]

    async def read(self, company_id: str, stream_id: str, after: int = 0) -> AsyncGenerator[Event]:
        """The events after this one, and those to come, until the stream ends."""
        buffer = self._local.find(company_id, stream_id)
        events = buffer.read(after) if buffer is not None else self._read(company_id, stream_id, after)
        async with contextlib.aclosing(events):
            async for event in events:
                yield event

    async def cancel(self, company_id: str, stream_id: str) -> None:
        """Ask whoever writes it to stop: at once where it is this process, else at its next look."""
        buffer = self._local.find(company_id, stream_id)
        if buffer is None:
            with translated():
                await self._cancel(keys=_names(company_id, stream_id))
        elif not buffer.ended:
            buffer.on_cancel()

    async def drop(self, company_id: str) -> None:
        """Stop and forget all streams of the tenant, those that other processes write as well."""
        for writer in [writer for writer in self._writers if writer.company_id == company_id]:
            self._done(writer)
        await self._local.drop(company_id)
        begin = f"{key(company_id, 'stream')}:"
        with contextlib.suppress(RedisError, OSError):
            async for found in self._redis.scan_iter(match=f"{begin}*:is", count=500):
                stream_id = found.decode().removeprefix(begin).removesuffix(":is")
                await self._drop(keys=_names(company_id, stream_id), args=[_GONE_MS])

    async def close(self) -> None:
        """Bring the last events to Redis, and let go of the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await asyncio.gather(*(writer.settled.wait() for writer in self._writers if writer.buffer.ended))
        if self._bringing is not None:
            self._bringing.cancel()
            await asyncio.gather(self._bringing, return_exceptions=True)
        await self._local.close()
        for client in (self._redis, self._reading):
            await client.aclose(close_connection_pool=True)

    async def _read(self, company_id: str, stream_id: str, after: int) -> AsyncGenerator[Event]:
        """The same from Redis."""
        place = _names(company_id, stream_id)[0]
        missing_since, behind = 0.0, False
        while True:
            with translated():
                found: Any = await self._reading.xread({place: f"{after}-0"}, count=_PAGE, block=_BLOCK_MS)
            for name, fields in found[0][1] if found else ():
                if b"end" in fields:
                    return
                if int(name.split(b"-")[0]) != after + 1:
                    raise beginning_gone()
                after += 1
                yield Event(name=fields[b"name"].decode(), data=fields[b"data"])
            if found:
                behind = False
                continue
            state, alive = await self._looked(company_id, stream_id)
            if state is None:
                # An emptied Redis gets the stream back from a writer that lives.
                missing_since = missing_since or time.monotonic()
                if time.monotonic() - missing_since > self._lease:
                    raise AppError(Code.STREAM_INTERRUPTED)
                await asyncio.sleep(_BEAT_SECONDS)
            elif after < state.last:
                # Written since we looked for them, or dropped by a Redis that was short of memory.
                if behind:
                    raise beginning_gone()
                behind = True
            elif state.ended:
                return
            elif not alive:
                raise AppError(Code.STREAM_INTERRUPTED)

    async def _looked(self, company_id: str, stream_id: str) -> tuple[StreamState | None, bool]:
        """How a stream stands in Redis, and whether its writer lives."""
        with translated():
            found: Any = await self._look(keys=_names(company_id, stream_id))
        if not found:
            return None, False
        stream, last, ended, alive = found
        return StreamState(stream=msgspec.json.decode(stream, type=Stream), last=last, ended=bool(ended)), bool(alive)

    async def _bring_all(self) -> None:
        """Bring what is new to Redis, again and again, for as long as something is written here."""
        while self._writers:
            self._news.clear()
            try:
                await self._bring([*self._writers])
                self._away = False
            except (RedisError, OSError) as error:
                # What could not be brought is brought with what comes next; readers of this process miss nothing.
                if not self._away:
                    log.warning("streams_away", reason=type(error).__name__)
                self._away = True
                for writer in [writer for writer in self._writers if writer.buffer.ended]:
                    writer.settled.set()
                    if self._local.find(writer.company_id, writer.buffer.stream.stream_id) is None:
                        # Redis was away for longer than an ended stream is kept.
                        self._done(writer)
                await asyncio.sleep(_BEAT_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_SECONDS):
                    await self._news.wait()
                    await asyncio.sleep(_BATCH_SECONDS)

    async def _bring(self, writers: "list[RedisWriter]") -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            sent = [await self._queue(pipe, writer) for writer in writers]
            answers = await pipe.execute(raise_on_error=False)
        failed = next((answer for answer in answers if isinstance(answer, Exception)), None)
        for writer, (last, ended), answer in zip(writers, sent, answers, strict=True):
            if isinstance(answer, Exception):
                continue
            if answer == _LOST:
                writer.known = False
                self._news.set()
                continue
            writer.known, writer.last = True, last
            if ended or answer == _GONE:
                self._local.forget(writer.company_id, writer.buffer.stream.stream_id)
                self._done(writer)
            if answer and not ended:
                writer.buffer.on_cancel()
        if isinstance(failed, Exception):
            raise failed

    def _done(self, writer: "RedisWriter") -> None:
        """Nothing more of it goes to Redis."""
        self._writers.discard(writer)
        writer.settled.set()

    async def _queue(self, pipe: Any, writer: "RedisWriter") -> tuple[int, bool]:
        """Queue what is new in one stream; how far it then is, and whether that is its end."""
        buffer = writer.buffer
        after = max(writer.last, buffer.first - 1) if writer.known else buffer.first - 1
        events, ended = buffer.since(after), buffer.ended
        lease = 0 if ended else int(self._lease * 1000)
        said: list[Any] = [msgspec.json.encode(buffer.stream), self._kept_ms, lease, int(not writer.known)]
        said += [max(1, buffer.last - buffer.first + 1), after + 1]
        said += [part for event in events for part in (event.name, event.data)]
        await self._write(keys=_names(writer.company_id, buffer.stream.stream_id), args=said, client=pipe)
        return after + len(events), ended


class RedisWriter:
    """One stream that this process writes, and how far it has come to Redis."""

    def __init__(self, company_id: str, local: LocalWriter, news: asyncio.Event) -> None:
        self.company_id = company_id
        self.buffer = local.buffer
        self.known = False
        """Whether Redis has it."""
        self.last = 0
        """The number of the newest event that Redis has."""
        self.settled = asyncio.Event()
        """Set once it has ended and Redis has it whole, or could not be reached."""
        self._local = local
        self._news = news

    def append(self, event: Event) -> None:
        """Add an event."""
        self._local.append(event)
        self._news.set()

    async def end(self) -> None:
        """No more events. Waits for Redis where it is there; while it is away, this process keeps them."""
        await self._local.end()
        self._news.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self.settled.wait()


def _names(company_id: str, stream_id: str) -> list[str]:
    return [key(company_id, "stream", stream_id), key(company_id, "stream", stream_id, "is")]

"""One HTTP/1.1 connection: sends a request, takes the answer whole or in pieces."""

import asyncio
import time
from collections import deque
from enum import IntEnum
from typing import Final, cast

import httptools

_HIGH_WATER: Final = 1_000_000
"""Bytes of a streamed answer kept before reading from the socket pauses."""


class InterruptedAnswerError(ConnectionError):
    """The connection broke before the answer was whole. `untouched`: not one byte of an answer had come."""

    def __init__(self, message: str, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.untouched = untouched


class OversizeAnswerError(Exception):
    """The answer is larger than the caller takes."""


class _Want(IntEnum):
    """What the reader waits for."""

    NOTHING = 0
    END = 1
    HEAD = 2
    PIECE = 3


class Head:
    """Status and headers of an answer; header names are lower-case bytes."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}

    def get(self, name: bytes) -> str | None:
        """A header's value by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()


class Wire(asyncio.Protocol):
    """A connection that carries one exchange at a time. Not for two readers at once."""

    def __init__(self) -> None:
        self.closed = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._want = _Want.NOTHING
        self._failure: Exception | None = None
        self._limit = 0
        self._reset()

    def _reset(self) -> None:
        self.head = Head()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._touched = False
        self._headed = False
        self._ended = False
        self._keep_alive = False
        self._paused = False

    # What the caller does.

    async def fetch(self, request: bytes, limit: int) -> tuple[Head, bytes]:
        """Send a request and take the whole answer, of at most `limit` bytes (OversizeAnswerError)."""
        self._send(request, limit)
        await self._until(_Want.END)
        return self.head, b"".join(self._pieces)

    async def begin(self, request: bytes) -> Head:
        """Send a request and take the head; the body comes by `piece`."""
        self._send(request, 0)
        await self._until(_Want.HEAD)
        return self.head

    async def piece(self) -> bytes:
        """The next bytes of a body, empty at its end."""
        if not self._pieces and not self._ended:
            await self._until(_Want.PIECE)
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    @property
    def reusable(self) -> bool:
        """Whether another request may follow."""
        return self._ended and not self.closed and self._failure is None and self._keep_alive

    def park(self) -> None:
        """Nothing is going on from now on."""
        self.idle_since = time.monotonic()
        self._want = _Want.NOTHING

    async def close(self) -> None:
        """Close and wait until it is closed; a TLS peer that never says goodbye is not waited for."""
        if self._transport is not None and not self.closed:
            self._transport.close()
            done, _ = await asyncio.wait([self._gone], timeout=1)
            if not done:
                self._transport.abort()

    def abort(self) -> None:
        """Close at once: an exchange was given up half-way."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _send(self, request: bytes, limit: int) -> None:
        if self.closed or self._transport is None:
            raise InterruptedAnswerError("the connection was closed", untouched=True)
        self._reset()
        self._limit = limit
        self._transport.write(request)

    async def _until(self, want: _Want) -> None:
        while not self._reached(want):
            if self._failure is not None:
                raise self._failure
            self._want = want
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
                self._want = _Want.NOTHING
        if self._failure is not None and not self._ended:
            raise self._failure

    def _reached(self, want: _Want) -> bool:
        if self._ended:
            return True
        return (want is _Want.HEAD and self._headed) or (want is _Want.PIECE and bool(self._pieces))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Exception) -> None:
        if self._failure is None:
            self._failure = failure
        self.abort()
        self._wake()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports have the interface, but not the base class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._touched = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(InterruptedAnswerError(f"not an HTTP answer: {type(error).__name__}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer without a length ends with its connection; any other is broken by it."""
        self.closed = True
        if not self._gone.done():
            self._gone.set_result(None)
        if self._headed and not self._ended and exc is None and not self._has_length():
            self._ended = True
        if not self._ended and self._failure is None:
            self._failure = InterruptedAnswerError("the connection broke", untouched=not self._touched)
        self._wake()

    def _has_length(self) -> bool:
        return b"content-length" in self.head.headers or b"transfer-encoding" in self.head.headers

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.head.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is whole; an interim one (1xx) is thrown away at its end."""
        self.head.status = self._parser.get_status_code()
        if self.head.status >= 200:
            self._headed = True
            if self._want is _Want.HEAD:
                self._wake()

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(data)
        self._size += len(data)
        if self._limit and self._size > self._limit:
            self._fail(OversizeAnswerError(f"more than {self._limit} bytes"))
        elif not self._limit and self._size > _HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self._want is _Want.PIECE:
            self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self.head.status < 200:
            self.head = Head()
            return
        # The parser knows this now, and forgets it with the next byte.
        self._keep_alive = self._parser.should_keep_alive()
        self._ended = True
        self._wake()

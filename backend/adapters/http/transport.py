"""Requests over aiohttp: no redirects, no cookies, no proxy of the environment, and checked addresses only."""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final

import aiohttp
from yarl import URL

from backend.adapters.http.failures import ForbiddenAddressError, InterruptedAnswerError, OversizeAnswerError, UnknownHostError
from backend.adapters.http.guard import Guard, public_socket
from backend.adapters.http.origin import Origin
from backend.core.errors import AppError, Code
from backend.core.waiting import to_its_end

_IDLE_SECONDS: Final = 20.0
"""Shorter than the usual 60 s of load balancers, so that a connection seldom dies while we write to it."""
_MAX_HEADER: Final = 65_536
"""Bytes of one header line: a redirect to a signed URL carries tokens of several kB."""
_NO_SUCH_HOST: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class Incoming:
    """An answer whose head has come; its body is taken whole or in pieces. To be released."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        """Names in any case."""
        self._response = response

    async def body(self, limit: int) -> bytes:
        """The whole body, unpacked.

        Raises OversizeAnswerError where it has more than `limit` bytes, packed or unpacked, and InterruptedAnswerError.
        """
        pieces: list[bytes] = []
        size = 0
        while piece := await self.piece():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise OversizeAnswerError(f"more than {limit} bytes")
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        packed = self.headers.get("Content-Encoding", "").strip().lower() == "gzip"
        return _unpacked(whole, limit) if packed else whole

    async def piece(self) -> bytes:
        """The next bytes of the body as they came, empty at its end. Raises InterruptedAnswerError."""
        with _told_apart():
            return await self._response.content.readany()

    def release(self) -> None:
        """Keep the connection for the next call where the body was read to its end, else close it."""
        self._response.release()


class Transport:
    """One Source's connections, kept alive. How many are in use at once is the caller's to limit."""

    def __init__(self, guard: Guard) -> None:
        self.own_calls = 0
        """Requests that went to the helpdesk itself and so count against its quota."""
        self._guard = guard
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._closed = False

    async def get(
        self, origin: Origin, target: str, headers: Mapping[str, str], *, method: str = "GET", body: bytes | None = None
    ) -> Incoming:
        """Send a request for an escaped target (path and query), and wait for the head of the answer.

        A connection that breaks before a byte of the answer is replaced once (RFC 9112, section 9.3.1).

        Raises UnknownHostError, InterruptedAnswerError or another OSError; AppError(SOURCE_REQUEST_REFUSED) for a
        forbidden address.
        """
        session = self._session(trusted=self._guard.trusts(origin))
        try:
            with _told_apart():
                response = await session.request(
                    method,
                    URL(f"{origin.scheme}://{origin.authority}{target}", encoded=True),
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    ssl=_tls() if origin.scheme == "https" else True,
                    middlewares=(self._counted,) if self._guard.owns(origin) else (),
                )
        except ForbiddenAddressError:
            raise self._guard.refusal(origin) from None
        return Incoming(response)

    def owns(self, origin: Origin) -> bool:
        """Whether the origin is the helpdesk's own, and may be sent the credential."""
        return self._guard.owns(origin)

    async def close(self) -> None:
        """Close all connections, also for a caller that is canceled meanwhile; from here on there are none."""
        self._closed = True
        await to_its_end(self._close())

    async def _close(self) -> None:
        sessions = list(self._sessions.values())
        self._sessions.clear()
        await asyncio.gather(*(session.close() for session in sessions))

    def _session(self, *, trusted: bool) -> aiohttp.ClientSession:
        # Two sets of connections: one that came to be without a check of its address never serves where there must be one.
        session = self._sessions.get(trusted)
        if self._closed:
            # Whoever still calls, such as a task that was told to end, would open connections that nobody closes.
            raise AppError(Code.SHUTTING_DOWN, "The connections to this helpdesk were closed already.")
        if session is None:
            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_IDLE_SECONDS,
                resolver=aiohttp.ThreadedResolver(),
                socket_factory=None if trusted else public_socket,
            )
            session = self._sessions[trusted] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Who calls sets the time; unpacking by aiohttp takes a gzip stream that was cut off for a whole one.
                timeout=aiohttp.ClientTimeout(),
                auto_decompress=False,
                max_field_size=_MAX_HEADER,
            )
        return session

    async def _counted(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        self.own_calls += 1
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            self.own_calls -= 1
            raise


@contextmanager
def _told_apart() -> Iterator[None]:
    # The causes are left out: aiohttp's errors carry the request with its headers, and so the credential.
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise error.certificate_error from None
    except aiohttp.ClientConnectorDNSError as error:
        if error.os_error.errno in _NO_SUCH_HOST:
            raise UnknownHostError(f"no such host: {error.host}") from None
        raise error.os_error from None
    except aiohttp.ClientConnectorError as error:
        raise error.os_error from None
    except aiohttp.InvalidURL:
        raise AppError(Code.SOURCE_MALFORMED, "The helpdesk points to an address that can't be used.") from None
    except aiohttp.ClientResponseError:
        raise InterruptedAnswerError("not an HTTP answer") from None
    except aiohttp.ClientError as error:
        raise InterruptedAnswerError(f"the connection broke: {type(error).__name__}") from None


@cache
def _tls() -> ssl.SSLContext:
    # Imported here since loading it with its certificates takes long and a sandbox on plain HTTP never needs it.
    import httpx  # noqa: PLC0415

    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, limit)
    except zlib.error as error:
        raise InterruptedAnswerError("its compression is damaged") from error
    if unpacker.unconsumed_tail:
        raise OversizeAnswerError(f"more than {limit} bytes")
    if not unpacker.eof:
        raise InterruptedAnswerError("its compression ends too early")
    return data

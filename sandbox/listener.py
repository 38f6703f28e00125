"""What answers at a port, whatever the vendor: counting, latency, faults, sending."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Generic, Protocol, TypeVar

from sandbox.control import PREFIX
from sandbox.faults import Fault, Faults
from sandbox.stats import Stats
from sandbox.wire import Answer, Ask, ask_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "[::1]", "testserver"}
_STATUS = {
    200: "200 OK", 201: "201 Created", 202: "202 Accepted", 204: "204 No Content", 302: "302 Found", 400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden", 404: "404 Not Found", 405: "405 Method Not Allowed", 429: "429 Too Many Requests",
    500: "500 Internal Server Error", 502: "502 Bad Gateway",
}  # fmt: skip


class Account(Protocol):
    """What a listener needs to know of the account it serves."""

    stats: Stats
    faults: Faults
    latency: float


S = TypeVar("S", bound=Account)


class Listener(ABC, Generic[S]):
    """What listeners share, whatever the vendor: counting, latency, faults, sending."""

    def __init__(self, site: S, place: str = "") -> None:
        self.site = site
        self._place = place
        """Stands before the path where requests are counted and faults are matched, to tell listeners of equal paths apart."""
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        stats = self.site.stats
        ask = ask_of(scope)
        if ask.path.startswith(PREFIX):
            await self._control(scope, ask, receive, send)
            return
        stats.active += 1
        stats.max_active = max(stats.max_active, stats.active)
        stats.requests[f"{ask.method} {self._place}{ask.shape}"] += 1
        try:
            if self.site.latency:
                await asyncio.sleep(self.site.latency)
            fault = self.site.faults.strike(f"{self._place}{ask.path}?{scope['query_string'].decode('latin-1')}")
            if fault is not None and fault.kind == "timeout":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind in {"timeout", "reset"}:
                _hang_up(send)
                return
            if ask.method in {"POST", "PUT"}:
                ask.body = await _read(receive)
            await self._send(self._answer(ask, fault), ask, send)
        finally:
            stats.active -= 1

    async def _control(self, scope: Scope, ask: Ask, receive: Receive, send: Send) -> None:
        ask.body = await _read(receive) if ask.method in {"POST", "PUT"} else b""
        client = scope.get("client")
        await self._send(self._controlled(ask, client[0] if client else None), ask, send)

    @abstractmethod
    def _controlled(self, ask: Ask, client: str | None) -> Answer:
        """Answer a request to the remote control."""

    @abstractmethod
    def _answer(self, ask: Ask, fault: Fault | None) -> Answer:
        """Answer any other request, with a fault where one was ordered."""

    async def _send(self, answer: Answer, ask: Ask, send: Send) -> None:
        stats = self.site.stats
        body = b"" if ask.method == "HEAD" else answer.body
        stats.statuses[answer.status] += 1
        stats.bytes_sent += len(body)
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers.append((b"content-type", answer.content_type.encode()))
        if answer.status != 204:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        headers.append((b"status", _STATUS.get(answer.status, str(answer.status)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers + self._fixed()})
        await send({"type": "http.response.body", "body": body})

    def _fixed(self) -> list[tuple[bytes, bytes]]:
        return []


async def _read(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _hang_up(send: Send) -> None:
    """Cut the connection without a word. ASGI has no message for this, so the server's transport is taken from its send method."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()

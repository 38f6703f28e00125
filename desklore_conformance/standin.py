"""A stand-in of a vendor for tests and demonstrations: its API and its file host on two ports of this machine, with faults on demand."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import orjson

from sandbox.faults import Fault, Faults
from sandbox.listener import Listener
from sandbox.options import SandboxOptions
from sandbox.ports import Ports
from sandbox.stats import Stats
from sandbox.wire import Answer, Ask, ok

__all__ = ["Answer", "Ask", "Fault", "Handler", "StandIn", "ok"]

Handler = Callable[[Ask], Answer]
"""Answers one request: its method, path, query and headers (lower case, as bytes) in, status, body and headers out."""
_HTML: Final = "text/html; charset=utf-8"


class StandIn(Ports):
    """A vendor on two ports, answered by two functions. `faults` are the orders to fail, `stats` what clients did."""

    def __init__(self, api: Handler, files: Handler) -> None:
        super().__init__(SandboxOptions())
        self.faults = Faults()
        self.stats = Stats()
        self.latency = 0.0
        """Seconds that every answer takes longer."""
        self.base_url = ""
        """Where the API is, without a slash at the end."""
        self.files_url = ""
        self._handlers = (api, files)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["StandIn"]:
        """Serve as long as the block lasts."""
        sockets, (self.base_url, self.files_url) = self._bind()
        await self._serve([_Listener(self, handler) for handler in self._handlers], sockets)
        try:
            yield self
        finally:
            await self.stop()


class _Listener(Listener[StandIn]):
    def __init__(self, standin: StandIn, handler: Handler) -> None:
        super().__init__(standin)
        self._handler = handler

    def _controlled(self, ask: Ask, client: str | None) -> Answer:  # noqa: ARG002 - a stand-in is controlled by its own process only
        return Answer(404)

    def _answer(self, ask: Ask, fault: Fault | None) -> Answer:
        kind = fault.kind if fault is not None else ""
        if fault is not None and kind in _BROKEN:
            return _BROKEN[kind](fault)
        answer = self._handler(ask)
        if kind == "truncated_json":
            answer.body = answer.body[: max(1, len(answer.body) // 2)]
        return answer


def failure(status: int, message: str, **headers: str) -> Answer:
    """An error with a message, as most vendors answer it."""
    return Answer(status, orjson.dumps({"error": message}), headers={name.replace("_", "-"): value for name, value in headers.items()})


_BROKEN: Final[dict[str, Callable[[Fault], Answer]]] = {
    "429": lambda fault: failure(429, "Too many requests", Retry_After=f"{fault.seconds:g}"),
    "429_no_retry_after": lambda _: failure(429, "Too many requests"),
    "500": lambda _: failure(500, "Something went wrong"),
    "502_html": lambda _: Answer(502, b"<html><body>Bad gateway</body></html>", _HTML),
    "malformed": lambda _: Answer(200, b'{"id": 1, "subject": "x",, }'),
    "401": lambda _: failure(401, "Who are you?"),
    "403": lambda _: failure(403, "Not for you"),
    "html_200": lambda _: Answer(200, b"<html><body>Please sign in</body></html>", _HTML),
}
"""The answers of faults that are answers; the other faults cut something off."""

"""What happens around every request, as plain ASGI: its id, its log line, its metrics, security headers, the body limit."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import error_response, note, request_id_of
from backend.api.viewer import VIEWER_PATH, VIEWER_POLICY
from backend.core import ids
from backend.core.errors import AppError, Code
from backend.core.ports.meter import Meter
from backend.observability import tracing

log = structlog.get_logger(__name__)

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What we take over of a caller's X-Request-Id; anything else would be a way to write into our log."""

_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_UNMATCHED: Final = "unmatched"


class RequestContext:
    """Gives each request an id, binds it to the log, adds security headers, and writes one line and the metrics at its end."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else ids.new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def decorated(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"] == VIEWER_PATH:
                    headers["Content-Security-Policy"] = VIEWER_POLICY
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with tracing.span("http_request", parent=_traced(scope), method=scope["method"], request_id=request_id) as tell:
                try:
                    await self._app(scope, receive, decorated)
                finally:
                    tell(route=getattr(scope.get("route"), "path", _UNMATCHED), status=status)
                    self._tell(scope, status, time.perf_counter() - began)
        finally:
            structlog.contextvars.clear_contextvars()

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        """One line and two metrics a request; the route's template, for paths hold ids and query strings hold questions."""
        route = getattr(scope.get("route"), "path", _UNMATCHED)
        method = scope["method"] if route != _UNMATCHED else "ANY"
        self._meter.count("http_requests", method=method, route=route, status=str(status))
        self._meter.observe("http_seconds", seconds, method=method, route=route)
        state = scope["state"]
        fields = {"code": state["error_code"]} if "error_code" in state else {}
        level = log.warning if status >= 500 or status == 0 else log.info
        level("http_request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1), **fields)


def _traced(scope: Scope) -> dict[str, str]:
    """The trace that the caller's request is part of."""
    headers = Headers(scope=scope)
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}


BODY_SECONDS: Final = 30.0
_SLOWEST: Final = 1_000
"""Bytes a second that a body has to come at, once it has been waited for so long: a connection is not held for less."""


class BodyLimit:
    """Refuses a body that is too large as soon as that is known, by its length or while it comes in, and one that stops coming.

    `larger` names the paths of routes that take files, each with its own limit.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, larger: Mapping[re.Pattern[str], int] | None = None) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        most = next((limit for path, limit in self._larger.items() if path.fullmatch(scope["path"])), self._max_bytes)
        if length.isdecimal() and int(length) > most:
            note(scope, Code.BODY_TOO_LARGE)
            await error_response(AppError(Code.BODY_TOO_LARGE), request_id_of(scope))(scope, receive, send)
            return
        received, waited, whole = 0, 0.0, False

        async def limited() -> Message:
            nonlocal received, waited, whole
            if whole:
                return await receive()
            began = time.monotonic()
            # The framework passes its own exception type through; `api/errors.py` gives it our shape.
            try:
                async with asyncio.timeout(BODY_SECONDS + received / _SLOWEST - waited):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body of the request stopped coming; send it again.", {"Connection": "close"}) from None
            waited += time.monotonic() - began
            whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413)
            return message

        await self._app(scope, limited, send)

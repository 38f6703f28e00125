"""The two listeners as ASGI applications: the API, and the file store beside it."""

import asyncio
import hashlib
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Generic, Protocol, TypeVar

from sandbox.control import PREFIX
from sandbox.data.model import Attachment
from sandbox.freshdesk.control import control
from sandbox.freshdesk.faults import Fault, Faults
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import Answer, Ask, ask_of, failure
from sandbox.stats import Stats

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: As recorded from real accounts.
_FIXED = [
    (b"pragma", b"no-cache"),
    (b"x-freshdesk-api-version", b"latest=v2; requested=v2"),
    (b"cache-control", b"must-revalidate, no-cache, no-store, private, max-age=0"),
    (b"expires", b"Wed, 13 Oct 2010 00:00:00 UTC"),
    (b"x-fw-ratelimiting-managed", b"true"),
    (b"x-envoy-upstream-service-time", b"7"),
    (b"server", b"fwe"),
]
_STATUS = {
    200: "200 OK", 201: "201 Created", 202: "202 Accepted", 204: "204 No Content", 302: "302 Found", 400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden", 404: "404 Not Found", 405: "405 Method Not Allowed", 429: "429 Too Many Requests",
    500: "500 Internal Server Error", 502: "502 Bad Gateway",
}  # fmt: skip
_FILE = re.compile(r"/data/helpdesk/attachments/production/(\d+)/(original|thumb)/")
_EXPORT = re.compile(r"/data/helpdesk/exports/production/(\d+)/account\.zip")
_HTML = "text/html; charset=utf-8"
LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "[::1]", "testserver"}
#: Every so many answers write their rate headers like floats, as some recordings do.
_FLOAT_EVERY = 7


class Account(Protocol):
    """What a listener needs to know of the account it serves."""

    stats: Stats
    faults: Faults
    latency: float


S = TypeVar("S", bound=Account)


class Listener(ABC, Generic[S]):
    """What listeners share, whatever the vendor: counting, latency, faults, sending."""

    def __init__(self, site: S) -> None:
        self.site = site
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
        stats.requests[f"{ask.method} {ask.shape}"] += 1
        try:
            if self.site.latency:
                await asyncio.sleep(self.site.latency)
            fault = self.site.faults.strike(f"{ask.path}?{scope['query_string'].decode('latin-1')}")
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


class _Half(Listener[Site]):
    """What both Freshdesk listeners share."""

    def _controlled(self, ask: Ask, client: str | None) -> Answer:
        return control(self.site, ask, client)


class ApiListener(_Half):
    """`https://<domain>.freshdesk.com`."""

    def _fixed(self) -> list[tuple[bytes, bytes]]:
        number = next(self._numbers)
        return [*_FIXED, (b"x-request-id", b"sandbox-%08x" % number), (b"x-trace-id", b"00-%032x-01" % number)]

    def _answer(self, ask: Ask, fault: Fault | None) -> Answer:
        site = self.site
        if not self._known_host(ask) or (fault is not None and fault.kind == "404_unknown_domain"):
            # Recorded: an account that does not exist answers 404 with one blank.
            return Answer(404, b" ", "application/json", {"X-Fw-Ratelimiting-Managed": "false"})
        if ask.path == "/inline/attachment":
            return self._inline(ask)
        if fault is not None and fault.kind in _BROKEN:
            return self._metered(ask, _BROKEN[fault.kind](fault))
        writes = ask.method != "GET"
        spent = site.limits.spend(_area(ask), 1) if writes else None
        answer = self._too_many(spent.retry_after) if spent and spent.retry_after else site.answer(ask)
        answer.body = site.links.fill(answer.body, stale=fault is not None and fault.kind == "expired_url")
        if fault is not None and fault.kind == "truncated_json":
            answer.body = answer.body[: max(1, len(answer.body) // 2)]
        return answer if writes else self._metered(ask, answer)

    def _known_host(self, ask: Ask) -> bool:
        host = ask.headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
        options = self.site.options
        return host in LOOPBACK_HOSTS or host in {self.site.domain, options.host, options.public_host} or host in options.hosts

    def _inline(self, ask: Ask) -> Answer:
        number = self.site.links.inline_id(ask.query.get("token", ""))
        if number is None:
            return Answer(404)
        return Answer(302, headers={"Location": self.site.links.signed(number)}, content_type=_HTML)

    def _metered(self, ask: Ask, answer: Answer) -> Answer:
        """Take the answer's price from the budget and say what is left; refuse when there is nothing left."""
        spent = self.site.limits.spend(_area(ask), answer.credits)
        if spent.retry_after is not None:
            answer = self._too_many(spent.retry_after)
        form = "{}.0" if next(self._numbers) % _FLOAT_EVERY == 0 else "{}"
        answer.headers["X-Ratelimit-Total"] = form.format(spent.total)
        answer.headers["X-Ratelimit-Remaining"] = form.format(spent.remaining)
        answer.headers["X-Ratelimit-Used-CurrentRequest"] = form.format(spent.credits)
        return answer

    @staticmethod
    def _too_many(retry_after: int) -> Answer:
        answer = failure(429, "rate_limited", "You have exceeded the limit of requests per minute")
        answer.headers["Retry-After"] = str(retry_after)
        return answer


def _area(ask: Ask) -> str:
    """The first part of the path below `/api/v2`."""
    parts = ask.path.split("/", 4)
    return parts[3] if len(parts) > 3 else ""


def _html(status: int, title: str) -> Answer:
    return Answer(status, f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode(), _HTML)


def _limited(fault: Fault) -> Answer:
    answer = failure(429, "rate_limited", "You have exceeded the limit of requests per minute")
    if fault.kind == "429":
        answer.headers["Retry-After"] = f"{fault.seconds:g}"
    return answer


_BROKEN: dict[str, Callable[[Fault], Answer]] = {
    "429": _limited,
    "429_no_retry_after": _limited,
    "500": lambda _: failure(500, "internal_error", "We're sorry, but something went wrong."),
    "502_html": lambda _: _html(502, "502 Bad Gateway"),
    "malformed": lambda _: Answer(200, b'{"id": 1, "subject": "x",, }'),
    "401": lambda _: failure(401, "invalid_credentials", "You have to be logged in to perform this action."),
    "403": lambda _: failure(403, "access_denied", "You are not authorized to perform this action."),
    "html_200": lambda _: _html(200, "Sign in to Hanbit Cloud support"),
}


class FilesListener(_Half):
    """The file store: S3 and the inline picture host in one. It knows no API key and refuses to be sent one."""

    def _fixed(self) -> list[tuple[bytes, bytes]]:
        return [(b"server", b"AmazonS3")]

    def _answer(self, ask: Ask, fault: Fault | None) -> Answer:
        if fault is not None and fault.kind in _BROKEN:
            return _BROKEN[fault.kind](fault)
        if b"authorization" in ask.headers:
            message = (
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should be specified"
            )
            return _s3_error(400, "InvalidArgument", message)
        if ask.path == "/inline/attachment":
            # The first hop only sends the browser on to the account's own address.
            address = f"{self.site.links.api_base}/inline/attachment?token={ask.query.get('token', '')}"
            return Answer(302, headers={"Location": address}, content_type=_HTML)
        job = _EXPORT.fullmatch(ask.path)
        if job is not None and int(job[1]) in self.site.jobs:
            return self._signed(int(job[1]), ask) or Answer(200, self.site.jobs[int(job[1])].data, "application/zip")
        found = _FILE.match(ask.path)
        attachment = self.site.account.attachment(int(found[1])) if found else None
        if attachment is None:
            return _s3_error(404, "NoSuchKey", "The specified key does not exist.")
        return self._file(attachment, ask, expired=fault is not None and fault.kind == "expired_url")

    def _signed(self, number: int, ask: Ask, *, expired: bool = False) -> Answer | None:
        """Why an address is not good (any more); None where it is."""
        verdict = "expired" if expired else self.site.links.verdict(number, ask.query)
        if verdict == "expired":
            return _s3_error(403, "AccessDenied", "Request has expired")
        if verdict == "forged":
            return _s3_error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
        return None

    def _file(self, attachment: Attachment, ask: Ask, *, expired: bool) -> Answer:
        refused = self._signed(attachment.id, ask, expired=expired)
        if refused is not None:
            return refused
        data = self.site.account.file(attachment)
        headers = {"ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"', "Accept-Ranges": "bytes"}
        return Answer(200, data, attachment.content_type, headers)


def _s3_error(status: int, code: str, message: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, body.encode(), "application/xml")

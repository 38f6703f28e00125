"""The two listeners as ASGI applications: the API, and the file store beside it."""

import hashlib
import re
from collections.abc import Callable

from sandbox.data.model import Attachment
from sandbox.faults import Fault
from sandbox.freshdesk import routes
from sandbox.freshdesk.control import control
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import failure
from sandbox.listener import LOOPBACK_HOSTS, Listener
from sandbox.wire import Answer, Ask

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
_FILE = re.compile(r"/data/helpdesk/attachments/production/(\d+)/(original|thumb)/")
_EXPORT = re.compile(r"/data/helpdesk/exports/production/(\d+)/account\.zip")
_HTML = "text/html; charset=utf-8"
#: Every so many answers write their rate headers like floats, as some recordings do.
_FLOAT_EVERY = 7


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
        answer = self._too_many(spent.retry_after) if spent and spent.retry_after else routes.answer(site, ask)
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

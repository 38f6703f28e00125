"""The listeners: the API with the lasting addresses of files, the same at the second brand's host, and the store they send on to."""

import re
from collections.abc import Callable

from sandbox.faults import Fault
from sandbox.listener import LOOPBACK_HOSTS, Listener, Receive, Scope, Send
from sandbox.wire import Answer, Ask
from sandbox.zendesk import routes
from sandbox.zendesk.brands import BRANCH
from sandbox.zendesk.control import control
from sandbox.zendesk.limits import too_many
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import failure, unauthorized

_HTML = "text/html; charset=utf-8"
_LASTING = re.compile(r"/attachments/token/([0-9a-zA-Z]+)/?")
_STORED = re.compile(r"/attachment/\d+/(\d+)")
_FIXED = [(b"server", b"cloudflare"), (b"cache-control", b"max-age=0, private, must-revalidate"), (b"zendesk-api-version", b"v2")]


class _Half(Listener[Site]):
    """What both listeners share."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; `.json` behind an address changes nothing."""
        await super().__call__({**scope, "path": scope["path"].removesuffix(".json")}, receive, send)

    def _controlled(self, ask: Ask, client: str | None) -> Answer:
        return control(self.site, ask, client)


class ApiListener(_Half):
    """`https://<subdomain>.zendesk.com`."""

    def _fixed(self) -> list[tuple[bytes, bytes]]:
        return [*_FIXED, (b"x-request-id", b"sandbox-%08x" % next(self._numbers))]

    def _answer(self, ask: Ask, fault: Fault | None) -> Answer:
        kind = fault.kind if fault is not None else ""
        if kind == "404_unknown_domain" or not self._known_host(ask):
            title = f"No help desk at {ask.headers.get(b'host', b'').decode('latin-1')}"
            return failure(404, {"error": {"title": title, "message": "There is no help desk configured at this address."}})
        if lasting := _LASTING.fullmatch(ask.path):
            return self._sent_on(lasting[1], stale=kind == "expired_url")
        if fault is not None and kind in _BROKEN:
            return _BROKEN[kind](fault)
        answer = routes.answer(self._seen(), ask)
        if kind == "truncated_json":
            answer.body = answer.body[: max(1, len(answer.body) // 2)]
        return answer

    def _seen(self) -> Site:
        """The account as this host shows it."""
        return self.site

    def _known_host(self, ask: Ask) -> bool:
        host = ask.headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
        options = self.site.options
        return (
            host in LOOPBACK_HOSTS
            or host in {*(f"{brand.subdomain}.zendesk.com" for brand in self.site.brands.values()), options.host, options.public_host}
            or host in options.hosts
        )

    def _sent_on(self, token: str, *, stale: bool) -> Answer:
        address = self.site.links.stored(token, stale=stale)
        if address is None:
            return Answer(404, b"<html><body>Not found</body></html>", _HTML)
        return Answer(302, headers={"Location": address, "Cache-Control": "max-age=3600"}, content_type=_HTML)


class BrandListener(ApiListener):
    """The host of the second brand: the same API with another help center."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, f"//{site.brands[BRANCH].subdomain}")

    def _seen(self) -> Site:
        return self.site.seen_at_brand()


def _html(status: int, title: str) -> Answer:
    return Answer(status, f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode(), _HTML)


_BROKEN: dict[str, Callable[[Fault], Answer]] = {
    "429": lambda fault: too_many(fault.seconds),
    "429_no_retry_after": lambda _: failure(
        429, {"title": "Automated response", "status": "429", "detail": "Rate limited by edge protection"}
    ),
    "500": lambda _: failure(500, {"error": "InternalServerError"}),
    "502_html": lambda _: _html(502, "502 Bad Gateway"),
    "malformed": lambda _: Answer(200, b'{"ticket": {"id": 1,, }'),
    "401": lambda _: unauthorized(),
    # As recorded: a refusal may be an empty page.
    "403": lambda _: Answer(403, b"", _HTML),
    "html_200": lambda _: _html(200, "Sign in to Hanbit Cloud"),
}


class FilesListener(_Half):
    """The file store at another host. It knows no credential and refuses to be sent one."""

    def _answer(self, ask: Ask, fault: Fault | None) -> Answer:
        if fault is not None and fault.kind in _BROKEN:
            return _BROKEN[fault.kind](fault)
        if b"authorization" in ask.headers:
            return Answer(400, b"credentials do not belong here", "text/plain")
        found = _STORED.fullmatch(ask.path)
        file = self.site.account.attachment(int(found[1])) if found else None
        if file is None:
            return Answer(404, b"", "text/plain")
        expired = fault is not None and fault.kind == "expired_url"
        if expired or self.site.links.verdict(file.id, ask.query.get("token", "")) != "ok":
            return Answer(403, b"token expired", "text/plain")
        headers = {"Content-Disposition": f"attachment; filename=file-{file.id}"}
        return Answer(200, self.site.account.file(file), file.content_type, headers)

"""A bucket that takes signed links at their word, which the AWS double does not: a gate before it that checks each as AWS documents.

(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html) Requests that are signed in a header, as our own
server's are, pass; one without any signature is refused, as a private bucket does.
"""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers.aws import CREDENTIALS
from tests.support.served import served

_METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD"]
_OF_THE_WAY = frozenset({"host", "transfer-encoding", "connection", "content-encoding", "content-length"})


class SignedS3:
    """The gate. `later` moves its clock, `links` are the paths that links asked for."""

    def __init__(self, behind: httpx.AsyncClient) -> None:
        self._behind = behind
        self.url = ""
        self.later = timedelta()
        self.links: list[str] = []

    async def pass_on(self, request: Request) -> Response:
        """Refuse, or ask the double."""
        body = await request.body()
        if "authorization" not in request.headers or "x-amz-signature" in request.url.query.lower():
            self.links.append(f"{request.method} {request.url.path}")
            if (refused := self._refused(request, body)) is not None:
                return Response(f"<Error><Code>{refused[1]}</Code></Error>", refused[0], media_type="application/xml")
        headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_WAY}
        path = request.scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        sent = self._behind.build_request(request.method, path, headers=headers, content=body)
        answer = await self._behind.send(sent)
        kept = {name: value for name, value in answer.headers.items() if name not in _OF_THE_WAY - {"content-length"}}
        return Response(answer.content, answer.status_code, kept)

    def _refused(self, request: Request, body: bytes) -> tuple[int, str] | None:
        given = dict(parse_qsl(request.url.query, keep_blank_values=True))
        if "authorization" in request.headers:
            return 400, "InvalidArgument"
        if not given.get("X-Amz-Signature"):
            return 403, "AccessDenied"
        if (
            datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(seconds=int(given["X-Amz-Expires"]))
            < datetime.now(UTC) + self.later
        ):
            return 403, "AccessDenied"
        if not hmac.compare_digest(_signature(request, given), given["X-Amz-Signature"]):
            return 403, "SignatureDoesNotMatch"
        hashed = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if request.headers.get("x-amz-checksum-sha256", hashed) != hashed:
            return 400, "BadDigest"
        return None


def _signature(request: Request, given: dict[str, str]) -> str:
    signed = given["X-Amz-SignedHeaders"].split(";")
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(given[name], safe='-_.~')}" for name in sorted(given) if name != "X-Amz-Signature")
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    path = request.scope["raw_path"].decode()
    canonical = "\n".join((request.method, path, query, headers, ";".join(signed), "UNSIGNED-PAYLOAD"))
    scope = given["X-Amz-Credential"].split("/", 1)[1]
    text = "\n".join(("AWS4-HMAC-SHA256", given["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + CREDENTIALS["AWS_SECRET_ACCESS_KEY"].encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@contextlib.asynccontextmanager
async def signed_s3(aws_url: str) -> AsyncIterator[SignedS3]:
    """The gate before the double."""
    async with httpx.AsyncClient(base_url=aws_url, trust_env=False) as behind:
        gate = SignedS3(behind)
        async with served(Starlette(routes=[Route("/{path:path}", gate.pass_on, methods=_METHODS)])) as gate.url:
            yield gate

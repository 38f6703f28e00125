"""Requests that servers sign instead of sending a secret (SPEC D3): `Authorization: HMAC key_id=…, timestamp=…, nonce=…, signature=…`."""

import hashlib
import re
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.core.errors import AppError, Code
from backend.core.model.signing import EMPTY_SHA256, SignedRequest

SCHEME: Final = "hmac "
CONTENT_SHA256: Final = "X-Content-SHA256"
"""SHA-256 of the body in hex: so a body need not be read whole before it is known who sends it."""
_PART: Final = re.compile(r'(key_id|timestamp|nonce|signature)="?([A-Za-z0-9._:-]{1,128})"?')
_NEEDED: Final = frozenset({"key_id", "timestamp", "signature"})
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
SECURITY_SCHEME: Final[dict[str, Any]] = {
    "type": "http",
    "scheme": "HMAC",
    "description": "`HMAC key_id=…, timestamp=…, nonce=…, signature=…`, with the SHA-256 of a body in `X-Content-SHA256`; "
    "docs/authentication.md.",
}


def signed_request(request: Request) -> SignedRequest | None:
    """What the request says it is signed with; None where it says nothing. Raises SIGNATURE_INVALID where that makes no sense."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(SCHEME):
        return None
    found = [_PART.fullmatch(part.strip()) for part in header[len(SCHEME) :].split(",")]
    parts = {part[1]: part[2] for part in found if part is not None}
    sound = len(parts) == len(found) and set(parts) >= _NEEDED
    if not sound or not _TIMESTAMP.fullmatch(parts["timestamp"]) or not _SHA256.fullmatch(parts["signature"]):
        raise AppError(
            Code.SIGNATURE_INVALID,
            "Send Authorization: HMAC key_id=key_…, timestamp=<seconds since 1970>, nonce=<any, optional>, signature=<64 hex digits>.",
        )
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    return SignedRequest(
        key_id=parts["key_id"],
        timestamp=int(parts["timestamp"]),
        nonce=parts.get("nonce", ""),
        method=request.method,
        target=(raw + (b"?" + query if query else b"")).decode("latin-1"),
        body_sha256=_declared(request.headers),
        signature=parts["signature"],
    )


def _declared(headers: Headers) -> str:
    return headers.get(CONTENT_SHA256, EMPTY_SHA256).strip().lower()


class SignedBody:
    """Lets the last piece of a signed request's body through only if the body is the one that was signed.

    What is streamed to a file of gigabytes is so checked on its way, and nothing is held but one piece.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if not headers.get("authorization", "").lower().startswith(SCHEME):
            await self._app(scope, receive, send)
            return
        await self._app(scope, _Checked(receive, _declared(headers)).receive, send)


class _Checked:
    """One request's body; each piece is handed on when the next one is known."""

    def __init__(self, receive: Receive, declared: str) -> None:
        self._receive = receive
        self._declared = declared
        self._hash = hashlib.sha256()
        self._held: Message | None = None
        self._whole = False

    async def receive(self) -> Message:
        """The next message."""
        if self._whole:
            return await self._receive()
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._hash.update(message.get("body", b""))
            if not message.get("more_body", False):
                return self._last(message)
            held, self._held = self._held, message
            if held is not None:
                return held

    def _last(self, message: Message) -> Message:
        self._whole = True
        if self._hash.hexdigest() != self._declared:
            # The framework passes its own exception type through; `api/errors.py` gives it our shape.
            raise HTTPException(401, f"The body is another one than was signed: its SHA-256 is not that of {CONTENT_SHA256}.")
        held = self._held.get("body", b"") if self._held is not None else b""
        return {**message, "body": held + message.get("body", b"")}

"""Requests that are signed: what is signed, and for how long a signature is good. HMAC-SHA256, as helpdesks sign their webhooks."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from backend.core.model.tenant import Secret

WINDOW: Final = timedelta(minutes=5)
"""What was signed earlier, or as far in the future, is not believed."""
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_VERSION: Final = "desklore-hmac-sha256"


class SignedRequest(Struct, frozen=True, kw_only=True):
    """What a signature covers, and the signature."""

    key_id: str
    timestamp: int
    """Seconds since 1970, UTC."""
    nonce: str
    """Tells requests of one second apart that are alike otherwise; may be empty."""
    method: str
    target: str
    """Path and query as they were sent."""
    body_sha256: str
    """Of the body, as the request says it; `api/signing.py` makes sure that it is."""
    signature: str


def digest(secret: Secret, message: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(secret.reveal().encode(), message, hashlib.sha256).digest()


def is_recent(at: datetime, now: datetime) -> bool:
    """Whether a moment somebody signed is near enough to be believed."""
    return abs(now - at) <= WINDOW


def signature_of(secret: Secret, request: SignedRequest) -> str:
    """The signature the request should have, in hex."""
    lines = (_VERSION, str(request.timestamp), request.nonce, request.method.upper(), request.target, request.body_sha256)
    return digest(secret, "\n".join(lines).encode()).hex()


def new_signing_secret() -> Secret:
    """A fresh secret to sign with."""
    return Secret(f"dks_{secrets.token_urlsafe(32)}")


def field_of(key_id: str) -> str:
    """What binds a sealed signing secret to its key."""
    return f"key/{key_id}/signing"

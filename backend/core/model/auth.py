"""How API keys are made and recognized, and what signs access tokens."""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from backend.core.model.groups import marks
from backend.core.model.tenant import ApiKey, Caller, Secret

KEY_PATTERN: Final = re.compile(r"dk_[a-z0-9]{10}_[A-Za-z0-9_-]{43}")
"""`dk_`, ten characters that may be shown, and 256 random bits that only the holder knows."""

_PUBLIC_ALPHABET = string.ascii_lowercase + string.digits


class AuthConfig(Struct, frozen=True, kw_only=True):
    """The installation's secrets for telling who asks; `settings.py` says where they come from."""

    operator_key: Secret
    jwt_secret: Secret
    key_pepper: Secret
    """Mixed into the hash of API keys: a stolen database alone lets nobody in."""
    token_minutes: int = 60
    """How long an access token is valid."""
    issuer: str = "desklore"
    audience: str = "desklore-api"


class TenantCaller(Caller, frozen=True, kw_only=True):
    """A Caller that belongs to a company: everybody but the operator."""

    company_id: str


def holder_of(key: ApiKey, request_id: str | None) -> TenantCaller:
    """Who asks with this key."""
    return TenantCaller(
        role=key.role,
        scopes=key.scopes,
        company_id=key.company_id,
        key_id=key.key_id,
        groups=marks(key.groups),
        request_id=request_id,
    )


def new_key() -> tuple[Secret, str]:
    """A fresh API key and its prefix, the part that may be stored and shown."""
    prefix = "dk_" + "".join(secrets.choice(_PUBLIC_ALPHABET) for _ in range(10))
    return Secret(f"{prefix}_{secrets.token_urlsafe(32)}"), prefix


def hash_key(auth: AuthConfig, key: str) -> str:
    """What is stored of a key: HMAC-SHA256 with the pepper, in hex.

    A slow password hash would add 100 ms to each request and nothing else: nobody guesses 256 random bits.
    """
    return hmac.new(auth.key_pepper.reveal().encode(), key.encode(), hashlib.sha256).hexdigest()


def hash_credentials(auth: AuthConfig, place: Sequence[str], credentials: Mapping[str, Secret]) -> str:
    """Under which name it is remembered what a helpdesk said of credentials at this place: nobody can try guesses against it."""
    named = [text for name in sorted(credentials) for text in (name, credentials[name].reveal())]
    return hash_key(auth, "\x1f".join((*place, *named)))

"""Access tokens: what one says, and how it is signed and read (JWT, HS256)."""

from datetime import datetime
from typing import Final

import jwt
import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.auth import AuthConfig
from backend.core.model.tenant import Role, Scope, Secret

_ALGORITHM: Final = "HS256"
_LEEWAY_SECONDS: Final = 5
"""So much may the clocks of two servers differ."""


class Claims(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says of its holder."""

    company: str
    key: str
    """The API key it was made from, without which it is worth nothing."""
    sub: str
    role: Role
    scopes: frozenset[Scope]
    groups: frozenset[str] | None = None
    """Marks."""


def write_token(auth: AuthConfig, claims: Claims, *, begins: datetime, ends: datetime) -> Secret:
    """The signed token."""
    frame = {"iss": auth.issuer, "aud": auth.audience, "iat": begins, "exp": ends}
    return Secret(jwt.encode(frame | msgspec.to_builtins(claims, order="deterministic"), auth.jwt_secret.reveal(), algorithm=_ALGORITHM))


def read_token(auth: AuthConfig, credential: str) -> Claims:
    """What a token says that was signed here and has not expired. Raises TOKEN_INVALID."""
    try:
        claims = jwt.decode(
            credential,
            auth.jwt_secret.reveal(),
            algorithms=[_ALGORITHM],
            issuer=auth.issuer,
            audience=auth.audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "iss", "aud"]},
        )
        return msgspec.convert(claims, type=Claims)
    except jwt.ExpiredSignatureError:
        raise AppError(Code.TOKEN_INVALID, "The access token has expired; ask for a new one.") from None
    except (jwt.InvalidTokenError, msgspec.ValidationError):
        raise AppError(Code.TOKEN_INVALID, "The access token is malformed or not ours.") from None

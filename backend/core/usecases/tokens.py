"""Make short-lived access tokens from API keys (SPEC D3)."""

from datetime import datetime, timedelta

from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.access_token import Claims, write_token
from backend.core.model.auth import AuthConfig, TenantCaller
from backend.core.model.groups import marks, named, unknown
from backend.core.model.tenant import ROLE_SCOPES, Role, Scope, Secret, scopes_of
from backend.core.ports.services import Services


class TokenInput(Struct, frozen=True, kw_only=True):
    """What a new token shall be able to do."""

    subject: str
    """Who within the company will hold it, as the company's own system names them."""
    role: Role | None = None
    """None: the role of the key that asks."""
    scopes: frozenset[Scope] | None = None
    """A part of the role's scopes; None: all that the key has of them."""
    groups: tuple[str, ...] | None = None
    """Groups whose tickets its holder may know of, within those of the key; None: those of the key."""


class IssuedToken(Struct, frozen=True, kw_only=True):
    """A new access token."""

    token: Secret
    role: Role
    scopes: frozenset[Scope]
    expires_at: datetime
    unknown_groups: tuple[str, ...] = ()
    """Groups it was to be restricted to, as they were written, that no stored ticket is in."""


async def issue_token(services: Services, auth: AuthConfig, wanted: TokenInput, *, caller: TenantCaller) -> IssuedToken:
    """Make an access token from an API key, never stronger than the key. Raises FORBIDDEN.

    A token can't make tokens: otherwise one that leaked could renew itself for ever.
    """
    if caller.key_id is None or caller.subject is not None:
        raise AppError(Code.FORBIDDEN, "Only an API key can make tokens; a token can't.")
    role = wanted.role or caller.role
    groups = _within(caller, role, wanted.groups)
    granted = caller.scopes & scopes_of(role, groups)
    scopes = granted if wanted.scopes is None else wanted.scopes
    if role is Role.OPERATOR or (wanted.role is not None and not ROLE_SCOPES[role] <= ROLE_SCOPES[caller.role]):
        raise AppError(Code.FORBIDDEN, f"A key with the role {caller.role.value} can't make a token with the role {role.value}.")
    if beyond := scopes - granted:
        raise AppError(Code.FORBIDDEN, f"The token can't have scopes the key or the role doesn't have: {', '.join(sorted(beyond))}.")
    now = clock.now()
    async with services.database.open(caller.company_id) as uow:
        key = await uow.keys.get(caller.key_id)
        await uow.audit.add(caller.audited("token.issue", wanted.subject, role=role.value, **_told(groups)))
        nowhere = unknown(wanted.groups, await uow.groups.list()) if wanted.groups else ()
    expires_at = now + timedelta(minutes=auth.token_minutes)
    if key is not None and key.expires_at is not None:
        expires_at = min(expires_at, key.expires_at)
    claims = Claims(company=caller.company_id, key=caller.key_id, sub=wanted.subject, role=role, scopes=scopes, groups=groups)
    token = write_token(auth, claims, begins=now, ends=expires_at)
    return IssuedToken(token=token, role=role, scopes=scopes, expires_at=expires_at, unknown_groups=nowhere)


def _within(caller: TenantCaller, role: Role, wanted: tuple[str, ...] | None) -> frozenset[str] | None:
    """Marks of the groups of a new token. Raises FORBIDDEN beyond those of the key, INVALID_REQUEST for an admin."""
    if wanted is not None and role is Role.ADMIN:
        raise AppError(
            Code.INVALID_REQUEST, "An admin sees everything; a token that is restricted to groups can be agent, member or viewer."
        )
    groups = caller.groups if wanted is None else marks(wanted)
    if caller.groups is not None and groups is not None and (beyond := groups - caller.groups):
        raise AppError(Code.FORBIDDEN, f"The key is restricted to other groups than these: {', '.join(named(beyond))}.")
    return groups


def _told(groups: frozenset[str] | None) -> dict[str, str]:
    return {} if groups is None else {"groups": ", ".join(named(groups))}

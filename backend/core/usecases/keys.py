"""API keys: made once and shown once, stored as a hash, scoped, expiring, revocable (SPEC D3)."""

import asyncio
from datetime import datetime

import msgspec
from msgspec import Struct

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.model import groups
from backend.core.model.auth import AuthConfig, hash_key, new_key
from backend.core.model.signing import field_of, new_signing_secret
from backend.core.model.tenant import ApiKey, Caller, Role, Scope, Secret, scopes_of
from backend.core.ports.required import tenant_of
from backend.core.ports.services import Services


class KeyInput(Struct, frozen=True, kw_only=True):
    """What a new key shall be."""

    name: str
    role: Role
    scopes: frozenset[Scope] | None = None
    """A part of the role's scopes; None: all of them."""
    expires_at: datetime | None = None
    signing: bool = False
    """Whether it gets a secret to sign requests with."""
    signing_only: bool = False
    """Whether it can do nothing but sign."""
    groups: tuple[str, ...] | None = None
    """Groups of the helpdesk whose tickets its holder may know of, by name or as `freshdesk:<id>`; None: all tickets."""


class MadeKey(Struct, frozen=True, kw_only=True):
    """A new key: the only moment at which its plain form exists outside its holder's hands."""

    key: ApiKey
    plain: Secret
    signing_secret: Secret | None = None
    """Likewise."""
    unknown_groups: tuple[str, ...] = ()
    """Groups it is restricted to, as they were written, that no stored ticket is in: a slip, or one that is still to come."""
    known_groups: tuple[str, ...] = ()
    """Where there are such: the groups that tickets are in."""


async def create_key(services: Services, auth: AuthConfig, company_id: str, wanted: KeyInput, *, caller: Caller) -> MadeKey:
    """Make a key. Nobody but the operator gives away a scope they don't have.

    Raises TENANT_NOT_FOUND, FORBIDDEN, or INVALID_REQUEST for scopes outside the role and an expiry in the past.
    """
    scopes = _scopes(wanted, caller)
    now = clock.now()
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise AppError(Code.INVALID_REQUEST, "expires_at must lie in the future.")
    tenant = await tenant_of(services.database, company_id)
    plain, prefix = new_key()
    key_id = ids.new_id("key")
    signing_secret = new_signing_secret() if wanted.signing or wanted.signing_only else None
    sealed = None
    if signing_secret is not None:
        # In a thread: a key service may hold the master key.
        sealed = await asyncio.to_thread(services.cipher.seal, tenant, field_of(key_id), signing_secret)
    key = ApiKey(
        key_id=key_id,
        company_id=company_id,
        name=wanted.name,
        prefix=prefix,
        key_hash=hash_key(auth, plain.reveal()),
        role=wanted.role,
        scopes=scopes,
        created_at=now,
        expires_at=wanted.expires_at,
        signing=sealed,
        signing_only=wanted.signing_only,
        groups=wanted.groups,
    )
    told = {} if key.groups is None else {"groups": ", ".join(key.groups)}
    told |= {"signing": "only" if key.signing_only else "too"} if key.signs else {}
    async with services.database.open(company_id) as uow:
        await uow.keys.put(key)
        await uow.audit.add(caller.audited("key.create", key.key_id, name=key.name, role=key.role.value, **told))
        there = await uow.groups.list() if key.groups else []
    unknown = groups.unknown(key.groups or (), there)
    return MadeKey(
        key=key,
        plain=plain,
        signing_secret=signing_secret,
        unknown_groups=unknown,
        known_groups=groups.told(there) if unknown else (),
    )


async def list_keys(services: Services, company_id: str) -> list[ApiKey]:
    """All keys, oldest first, revoked ones too."""
    async with services.database.open(company_id) as uow:
        return await uow.keys.list()


async def revoke_key(services: Services, company_id: str, key_id: str, *, caller: Caller) -> ApiKey:
    """Make a key useless from now on; a revoked one stays as it is. Raises KEY_NOT_FOUND.

    Who keeps verified keys in memory must forget this one: `Authenticator.forget`.
    """
    async with services.database.open(company_id, write=True) as uow:
        key = await uow.keys.get(key_id)
        if key is None:
            raise AppError(Code.KEY_NOT_FOUND, f"There is no key {key_id}; list them with GET /api/v1/keys.")
        if key.revoked_at is None:
            key = msgspec.structs.replace(key, revoked_at=clock.now())
            await uow.keys.put(key)
            await uow.audit.add(caller.audited("key.revoke", key_id, name=key.name))
    return key


def _scopes(wanted: KeyInput, caller: Caller) -> frozenset[Scope]:
    if wanted.role is Role.OPERATOR:
        raise AppError(Code.INVALID_REQUEST, "A tenant's key can be admin, agent, member or viewer; the operator key is a setting.")
    if wanted.groups is not None and wanted.role is Role.ADMIN:
        raise AppError(Code.INVALID_REQUEST, "An admin sees everything; a key that is restricted to groups can be agent, member or viewer.")
    within = scopes_of(wanted.role, wanted.groups)
    scopes = within if wanted.scopes is None else wanted.scopes
    if outside := scopes - within:
        names, restricted = ", ".join(sorted(outside)), "" if wanted.groups is None else ", restricted to groups,"
        raise AppError(Code.INVALID_REQUEST, f"The role {wanted.role.value}{restricted} does not have these scopes: {names}.")
    if caller.role is not Role.OPERATOR and (beyond := scopes - caller.scopes):
        raise AppError(Code.FORBIDDEN, f"You can't give away scopes you don't have: {', '.join(sorted(beyond))}.")
    return scopes

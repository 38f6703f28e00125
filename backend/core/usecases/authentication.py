"""Who are you: the operator's key, tenants' API keys, access tokens and signed requests (SPEC D3)."""

import asyncio
import contextlib
import hmac
import time
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.access_token import read_token
from backend.core.model.auth import KEY_PATTERN, AuthConfig, TenantCaller, hash_key, holder_of
from backend.core.model.groups import both, marks
from backend.core.model.signing import WINDOW, SignedRequest, field_of, is_recent, signature_of
from backend.core.model.tenant import ROLE_SCOPES, ApiKey, Caller, Role, Secret, scopes_of
from backend.core.ports.services import Services

_TOUCH_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 10_000


class _Remembered(Struct, frozen=True):
    key: ApiKey
    until: float
    secret: Secret | None = None
    """What it signs with, opened."""


class Authenticator:
    """Turns a credential into a Caller; remembers verified keys for `trust_seconds`, and forgets a revoked one at once."""

    def __init__(self, services: Services, auth: AuthConfig, *, trust_seconds: float = 30.0) -> None:
        self._services = services
        self._auth = auth
        self._operator = auth.operator_key.reveal().encode()
        self._trust_seconds = trust_seconds
        self._remembered: dict[str, _Remembered] = {}
        self._generation = 0
        self._touched: dict[str, float] = {}
        self._touching: set[asyncio.Task[None]] = set()

    async def authenticate(self, credential: str, request_id: str | None = None) -> Caller:
        """Who holds this key or token. Raises UNAUTHENTICATED, KEY_REVOKED, KEY_EXPIRED or TOKEN_INVALID."""
        if hmac.compare_digest(credential.encode(), self._operator):
            return Caller(role=Role.OPERATOR, scopes=ROLE_SCOPES[Role.OPERATOR], request_id=request_id)
        if KEY_PATTERN.fullmatch(credential):
            return await self._holder_of_key(credential, request_id)
        if credential.count(".") == 2:
            return await self._holder_of_token(credential, request_id)
        raise AppError(
            Code.UNAUTHENTICATED,
            "This is neither an API key nor an access token. A key begins with dk_ and is shown once, where it is made; make another one.",
        )

    async def authenticate_signed(self, request: SignedRequest, request_id: str | None = None) -> Caller:
        """Who signed this. Raises SIGNATURE_INVALID, KEY_REVOKED or KEY_EXPIRED; each signature is taken once."""
        entry = await self._signer(request.key_id)
        # An unknown key costs as much time as a wrong signature.
        secret = Secret("nobody") if entry is None or entry.secret is None else entry.secret
        right = hmac.compare_digest(signature_of(secret, request), request.signature)
        if entry is None or entry.secret is None or not right:
            raise AppError(Code.SIGNATURE_INVALID, "The key id is unknown or can't sign, or the signature is not that of its secret.")
        key, now, signed_at = entry.key, clock.now(), datetime.fromtimestamp(request.timestamp, UTC)
        _check_usable(key)
        if not is_recent(signed_at, now):
            raise AppError(
                Code.SIGNATURE_INVALID, f"The timestamp is {abs(now - signed_at)} away from our clock; sign with the time in UTC."
            )
        since = self._services.caches.since
        if since is not None and signed_at < since.replace(microsecond=0):
            raise AppError(
                Code.SIGNATURE_INVALID, "It was signed before this server started, which may have taken it before; sign it anew."
            )
        cache = self._services.caches.open(key.company_id)
        left = (signed_at + WINDOW - now).total_seconds() + 1
        if not await cache.first(f"signed/{key.key_id}/{request.signature}", left):
            raise AppError(Code.SIGNATURE_INVALID, "This signature was taken before; sign each request anew, with a nonce of its own.")
        self._touch(key)
        return holder_of(key, request_id)

    async def _signer(self, key_id: str) -> _Remembered | None:
        """The key and its opened secret; None where there is no such key."""
        name = f"signer/{key_id}"
        known = self._remembered.get(name)
        if known is not None and known.until > time.monotonic():
            return known
        generation = self._generation
        async with self._services.database.directory() as directory:
            key = await directory.get_key(key_id)
            tenant = await directory.get_tenant(key.company_id) if key is not None else None
        if key is None or tenant is None:
            return None
        secret = None
        if key.signing is not None:
            # In a thread: a key service may hold the master key.
            secret = await asyncio.to_thread(self._services.cipher.open, tenant, field_of(key_id), key.signing)
        return self._remember(name, key, generation, secret)

    def forget(self, company_id: str, key_id: str | None = None) -> None:
        """Trust nothing remembered of this key, or with None of this tenant, any more."""
        # A look-up that is under way read the old state: the new generation keeps it from being remembered.
        self._generation += 1
        self._remembered = {
            name: entry
            for name, entry in self._remembered.items()
            if entry.key.company_id != company_id or (key_id is not None and entry.key.key_id != key_id)
        }

    async def close(self) -> None:
        """Wait until the times of last use are written."""
        await asyncio.gather(*self._touching)

    async def _holder_of_key(self, credential: str, request_id: str | None) -> Caller:
        name = hash_key(self._auth, credential)
        key = self._recall(name)
        if key is None:
            generation = self._generation
            async with self._services.database.directory() as directory:
                key = await directory.find_key(name)
            if key is None or key.signing_only:
                raise AppError(Code.UNAUTHENTICATED, "This API key is unknown; ask an admin of your company for one.")
            self._remember(name, key, generation)
        _check_usable(key)
        self._touch(key)
        return holder_of(key, request_id)

    async def _holder_of_token(self, credential: str, request_id: str | None) -> Caller:
        claims = read_token(self._auth, credential)
        name = f"{claims.company}/{claims.key}"
        key = self._recall(name)
        if key is None:
            generation = self._generation
            async with self._services.database.open(claims.company) as uow:
                key = await uow.keys.get(claims.key)
            if key is None:
                raise AppError(Code.TOKEN_INVALID, "The key this token was made from is gone; ask for a new token.")
            self._remember(name, key, generation)
        _check_usable(key)
        groups = both(marks(key.groups), claims.groups)
        return TenantCaller(
            role=claims.role,
            scopes=claims.scopes & scopes_of(claims.role, groups) & key.scopes,
            groups=groups,
            company_id=claims.company,
            key_id=claims.key,
            subject=claims.sub,
            request_id=request_id,
        )

    def _recall(self, name: str) -> ApiKey | None:
        entry = self._remembered.get(name)
        return entry.key if entry is not None and entry.until > time.monotonic() else None

    def _remember(self, name: str, key: ApiKey, generation: int, secret: Secret | None = None) -> _Remembered:
        entry = _Remembered(key, time.monotonic() + self._trust_seconds, secret)
        if generation == self._generation:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[name] = entry
        return entry

    def _touch(self, key: ApiKey) -> None:
        """Note the time of use, at most once a minute, without making the request wait for a writer's turn."""
        now = time.monotonic()
        if now - self._touched.get(key.key_id, -_TOUCH_SECONDS) < _TOUCH_SECONDS:
            return
        if len(self._touched) >= _MOST_REMEMBERED:
            self._touched.clear()
        self._touched[key.key_id] = now
        task = asyncio.create_task(self._write_touch(key.key_id, clock.now()))
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _write_touch(self, key_id: str, at: datetime) -> None:
        # A full disk must not keep anybody from reading; the next use notes the time.
        with contextlib.suppress(AppError):
            async with self._services.database.directory() as directory:
                await directory.touch_key(key_id, at)


def _check_usable(key: ApiKey) -> None:
    if key.revoked_at is not None:
        raise AppError(Code.KEY_REVOKED, "This API key was revoked; ask an admin of your company for a new one.")
    if key.expires_at is not None and key.expires_at <= clock.now():
        raise AppError(Code.KEY_EXPIRED, "This API key has expired; ask an admin of your company for a new one.")

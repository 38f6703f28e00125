"""AES-256-GCM envelope encryption: the master key wraps a data key per tenant, which seals the tenant's secrets.

data key   v1.<master key id>.<base64url(nonce + ciphertext)>   authenticated with `company_id|data-key`
secret     v1.<base64url(nonce + ciphertext)>                   authenticated with `company_id|field`
"""

import base64
import binascii
import secrets
import time
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret, Secret, Tenant
from backend.storage.secrets.keyfile import load_or_make_master_key, load_or_make_secret, parse_master_keys

__all__ = ["LocalCipher", "load_or_make_master_key", "load_or_make_secret", "parse_master_keys"]

_VERSION = "v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES = 12
_REMEMBERED_SECONDS = 300.0
_REMEMBERED_KEYS = 1_000


class LocalCipher:
    """Cipher with master keys in memory: the first one wraps, all of them open."""

    def __init__(self, master_keys: Sequence[tuple[str, bytes]]) -> None:
        for key_id, key in master_keys:
            if len(key) != _KEY_BYTES or not key_id or "." in key_id:
                raise ValueError("a master key has an id without a dot, and 32 bytes")
        if not master_keys:
            raise ValueError("at least one master key is needed")
        self._master_keys = {key_id: AESGCM(key) for key_id, key in reversed(master_keys)}
        self._present = master_keys[0][0]
        self._opened: dict[tuple[str, str], tuple[AESGCM, float]] = {}

    def new_data_key(self, company_id: str) -> SealedSecret:
        """A fresh data key for a tenant, wrapped by the first master key."""
        return self._wrap(company_id, secrets.token_bytes(_KEY_BYTES))

    def seal(self, tenant: Tenant, field: str, secret: Secret) -> SealedSecret:
        """Encrypt a secret of a tenant; `field` says which, such as `connection/<id>`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = self._data_key(tenant).encrypt(nonce, secret.reveal().encode(), _bound_to(tenant.company_id, field))
        return SealedSecret(f"{_VERSION}.{_to_text(nonce + ciphertext)}")

    def open(self, tenant: Tenant, field: str, sealed: SealedSecret) -> Secret:
        """The secret again. Raises SECRET_UNREADABLE for another tenant's or field's, or a token that was tampered with."""
        version, _, body = sealed.token.partition(".")
        if version != _VERSION:
            raise AppError(Code.SECRET_UNREADABLE, "A stored secret has a form this version can't read. Enter it again.")
        plain = _decrypt(self._data_key(tenant), body, _bound_to(tenant.company_id, field))
        if plain is None:
            raise AppError(
                Code.SECRET_UNREADABLE, "A stored secret does not belong to this tenant and field, or is damaged. Enter it again."
            )
        return Secret(plain.decode())

    def rewrap(self, company_id: str, data_key: SealedSecret) -> SealedSecret:
        """The same data key wrapped by the first master key."""
        return self._wrap(company_id, self._unwrap(company_id, data_key))

    def _wrap(self, company_id: str, key: bytes) -> SealedSecret:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        wrapped = self._master_keys[self._present].encrypt(nonce, key, _bound_to(company_id, "data-key"))
        return SealedSecret(f"{_VERSION}.{self._present}.{_to_text(nonce + wrapped)}")

    def _unwrap(self, company_id: str, data_key: SealedSecret) -> bytes:
        version, key_id, body = (*data_key.token.split(".", 2), "", "")[:3]
        if version != _VERSION or not body:
            raise AppError(Code.SECRET_UNREADABLE, "A tenant's data key has a form this version can't read.")
        master = self._master_keys.get(key_id)
        if master is None:
            raise AppError(
                Code.SECRET_UNREADABLE,
                f"The master key '{key_id}' is missing. Give it back in DESKLORE_MASTER_KEYS or the data folder.",
            )
        key = _decrypt(master, body, _bound_to(company_id, "data-key"))
        if key is None:
            raise AppError(Code.SECRET_UNREADABLE, f"The master key '{key_id}' is not the one that wrapped this tenant's data key.")
        return key

    def _data_key(self, tenant: Tenant) -> AESGCM:
        """The tenant's key, remembered for a few minutes."""
        name = (tenant.company_id, tenant.sealed_data_key.token)
        known = self._opened.get(name)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        key = AESGCM(self._unwrap(tenant.company_id, tenant.sealed_data_key))
        if len(self._opened) >= _REMEMBERED_KEYS:
            self._opened.clear()
        self._opened[name] = (key, time.monotonic() + _REMEMBERED_SECONDS)
        return key


def _bound_to(company_id: str, field: str) -> bytes:
    """What is authenticated with a secret, so that it can't be moved to another tenant or field."""
    return f"{company_id}|{field}".encode()


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decrypt(key: AESGCM, text: str, bound_to: bytes) -> bytes | None:
    """The plain bytes; None where the key, what it is bound to, or the text is another."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], bound_to)
    except (binascii.Error, InvalidTag, ValueError):
        return None

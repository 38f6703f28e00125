"""AES-256-GCM envelope encryption: a master key wraps a data key per tenant, which seals the tenant's secrets.

data key   as its wrapper writes it, see `local.py` and `kms.py`
secret     v1.<base64url(nonce + ciphertext)>                   authenticated with `company_id|field`
"""

import base64
import binascii
import secrets
import time
from collections.abc import Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.core.errors import AppError, Code
from backend.core.model.tenant import SealedSecret, Secret, Tenant

VERSION: Final = "v1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_REMEMBERED_SECONDS = 300.0
_REMEMBERED_KEYS = 1_000


class KeyWrapper(Protocol):
    """Master keys of one kind. Raises AppError(SECRET_UNREADABLE) where a data key is not for it or its key was lost."""

    def knows(self, token: str) -> bool:
        """Whether a wrapped data key is of this kind."""
        ...

    def new(self, company_id: str) -> str:
        """A fresh data key, wrapped."""
        ...

    def wrap(self, company_id: str, key: bytes) -> str:
        """This data key, wrapped by the newest master key."""
        ...

    def unwrap(self, company_id: str, token: str) -> bytes:
        """The data key again."""
        ...

    def look_again(self) -> None:
        """Find out anew which master keys there are, where that is remembered."""
        ...

    def is_newest(self, company_id: str, token: str) -> bool:
        """Whether the newest master key wrapped it."""
        ...


class EnvelopeCipher:
    """Cipher whose first wrapper wraps, while all of them open: so master keys move from one place to another."""

    def __init__(self, wrapper: KeyWrapper, *others: KeyWrapper) -> None:
        self._wrapper = wrapper
        self._wrappers: Sequence[KeyWrapper] = (wrapper, *others)
        self._opened: dict[tuple[str, str], tuple[AESGCM, float]] = {}

    def new_data_key(self, company_id: str) -> SealedSecret:
        """A fresh data key for a tenant, wrapped by the newest master key."""
        return SealedSecret(self._wrapper.new(company_id))

    def seal(self, tenant: Tenant, field: str, secret: Secret) -> SealedSecret:
        """Encrypt a secret of a tenant; `field` says which, such as `connection/<id>`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        ciphertext = self._data_key(tenant).encrypt(nonce, secret.reveal().encode(), bound_to(tenant.company_id, field))
        return SealedSecret(f"{VERSION}.{to_text(nonce + ciphertext)}")

    def open(self, tenant: Tenant, field: str, sealed: SealedSecret) -> Secret:
        """The secret again. Raises SECRET_UNREADABLE for another tenant's or field's, or a token that was tampered with."""
        version, _, body = sealed.token.partition(".")
        if version != VERSION:
            raise AppError(Code.SECRET_UNREADABLE, "A stored secret has a form this version can't read. Enter it again.")
        plain = decrypt(self._data_key(tenant), body, bound_to(tenant.company_id, field))
        if plain is None:
            raise AppError(
                Code.SECRET_UNREADABLE, "A stored secret does not belong to this tenant and field, or is damaged. Enter it again."
            )
        return Secret(plain.decode())

    def rewrap(self, company_id: str, data_key: SealedSecret) -> SealedSecret:
        """The same data key wrapped by the newest master key, and opened again to be sure."""
        key = self._unwrap(company_id, data_key)
        token = self._wrapper.wrap(company_id, key)
        if self._wrapper.unwrap(company_id, token) != key:
            raise AppError(Code.SECRET_UNREADABLE, "The newest master key does not open what it wrapped; the old wrapping is kept.")
        return SealedSecret(token)

    def look_again(self) -> None:
        """Ask where the master keys are which of them is the newest."""
        self._wrapper.look_again()

    def is_newest(self, company_id: str, data_key: SealedSecret) -> bool:
        """Whether the newest master key wrapped it."""
        return self._wrapper.knows(data_key.token) and self._wrapper.is_newest(company_id, data_key.token)

    def _unwrap(self, company_id: str, data_key: SealedSecret) -> bytes:
        for wrapper in self._wrappers:
            if wrapper.knows(data_key.token):
                return wrapper.unwrap(company_id, data_key.token)
        raise AppError(
            Code.SECRET_UNREADABLE,
            "A tenant's data key has a form that none of the master keys given can read. Check DESKLORE_MASTER_KEY_SOURCE.",
        )

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


def bound_to(company_id: str, field: str) -> bytes:
    """What is authenticated with a secret, so that it can't be moved to another tenant or field."""
    return f"{company_id}|{field}".encode()


def to_text(data: bytes) -> str:
    """As URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_text(text: str) -> bytes | None:
    """The bytes of `to_text`, None where it is something else."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def decrypt(key: AESGCM, text: str, bound: bytes) -> bytes | None:
    """The plain bytes; None where the key, what it is bound to, or the text is another."""
    data = from_text(text)
    try:
        return None if data is None else key.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        return None

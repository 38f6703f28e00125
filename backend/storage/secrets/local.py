"""Master keys that this process holds itself, from the environment, a file, or a secret in AWS Secrets Manager.

data key   v1.<master key id>.<base64url(nonce + ciphertext)>   authenticated with `company_id|data-key`
"""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.core.errors import AppError, Code
from backend.storage.secrets.envelope import KEY_BYTES, NONCE_BYTES, VERSION, EnvelopeCipher, bound_to, decrypt, to_text
from backend.storage.secrets.keyfile import load_or_make_master_key, load_or_make_secret, parse_master_keys

__all__ = ["LocalCipher", "LocalWrapper", "load_or_make_master_key", "load_or_make_secret", "parse_master_keys"]

MasterKeys = Sequence[tuple[str, bytes]]
RESERVED: Final = "kms"
"""Stands in the place of a master key's id where a key service did the wrapping."""
_ASKED_SECONDS: Final = 5.0
"""So long nobody is asked again for a master key that was not there: a lost one is asked for with every request."""
_ASKED: Final = 1_000


class LocalWrapper:
    """KeyWrapper with master keys in memory: the first one wraps, all of them open. They are asked for each time.

    `read_again`, where asking for them only tells what was read before, reads them where they lie.
    """

    def __init__(self, master_keys: Callable[[], MasterKeys], read_again: Callable[[], object] | None = None) -> None:
        self._master_keys = master_keys
        self._read_again = read_again
        self._asked: dict[str, float] = {}

    def knows(self, token: str) -> bool:
        """Whether it names a master key of its own kind."""
        version, key_id, body = (*token.split(".", 2), "", "")[:3]
        return version == VERSION and bool(body) and key_id != RESERVED

    def new(self, company_id: str) -> str:
        """A fresh data key, wrapped by the first master key there is now: an older one may be taken away as soon as none needs it."""
        self.look_again()
        return self.wrap(company_id, secrets.token_bytes(KEY_BYTES))

    def wrap(self, company_id: str, key: bytes) -> str:
        """This data key, wrapped by the first master key."""
        key_id, master = self._master_keys()[0]
        nonce = secrets.token_bytes(NONCE_BYTES)
        return f"{VERSION}.{key_id}.{to_text(nonce + AESGCM(master).encrypt(nonce, key, bound_to(company_id, 'data-key')))}"

    def unwrap(self, company_id: str, token: str) -> bytes:
        """The data key again."""
        _, key_id, body = token.split(".", 2)
        key = _opened(self._master_keys(), company_id, key_id, body)
        if key is None and self._asked.get(key_id, 0.0) < time.monotonic():
            # Another process may know a newer key already, or somebody put a wrong one right.
            self.look_again()
            self._note(key_id)
            key = _opened(self._master_keys(), company_id, key_id, body)
        if key is not None:
            return key
        if key_id in (name for name, _ in self._master_keys()):
            raise AppError(Code.SECRET_UNREADABLE, f"The master key '{key_id}' is not the one that wrapped this tenant's data key.")
        raise AppError(
            Code.SECRET_UNREADABLE,
            f"The master key '{key_id}' is missing. Give it back in DESKLORE_MASTER_KEYS, the key file, the secret or the data folder.",
        )

    def look_again(self) -> None:
        """Read the keys where they lie."""
        if self._read_again is not None:
            self._read_again()

    def is_newest(self, company_id: str, token: str) -> bool:
        """Whether the first master key opens it: an older one may have had the same id."""
        _, key_id, body = token.split(".", 2)
        return _opened(self._master_keys()[:1], company_id, key_id, body) is not None

    def _note(self, key_id: str) -> None:
        if len(self._asked) >= _ASKED:
            self._asked.clear()
        self._asked[key_id] = time.monotonic() + _ASKED_SECONDS


def _opened(master_keys: MasterKeys, company_id: str, key_id: str, body: str) -> bytes | None:
    """The data key; None where none of the master keys of this id opens it."""
    found = (decrypt(AESGCM(key), body, bound_to(company_id, "data-key")) for name, key in master_keys if name == key_id)
    return next((key for key in found if key is not None), None)


class LocalCipher(EnvelopeCipher):
    """Cipher with master keys that do not change while it lives."""

    def __init__(self, master_keys: MasterKeys) -> None:
        kept = checked(master_keys)
        super().__init__(LocalWrapper(lambda: kept))


def checked(master_keys: MasterKeys) -> MasterKeys:
    """The same keys. Raises ValueError for one that can't be a master key."""
    for key_id, key in master_keys:
        if len(key) != KEY_BYTES or not key_id or "." in key_id or key_id == RESERVED:
            raise ValueError("a master key has an id without a dot that is not 'kms', and 32 bytes")
    if not master_keys:
        raise ValueError("at least one master key is needed")
    return tuple(master_keys)

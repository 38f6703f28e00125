"""Master keys that this process holds itself, from the environment or a file.

data key   v1.<master key id>.<base64url(nonce + ciphertext)>   authenticated with `company_id|data-key`
"""

import secrets
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


class LocalWrapper:
    """KeyWrapper with master keys in memory: the first one wraps, all of them open. They are asked for each time."""

    def __init__(self, master_keys: Callable[[], MasterKeys]) -> None:
        self._master_keys = master_keys

    def knows(self, token: str) -> bool:
        """Whether it names a master key of its own kind."""
        version, key_id, body = (*token.split(".", 2), "", "")[:3]
        return version == VERSION and bool(body) and key_id != RESERVED

    def new(self, company_id: str) -> str:
        """A fresh data key, wrapped by the first master key."""
        return self.wrap(company_id, secrets.token_bytes(KEY_BYTES))

    def wrap(self, company_id: str, key: bytes) -> str:
        """This data key, wrapped by the first master key."""
        key_id, master = self._master_keys()[0]
        nonce = secrets.token_bytes(NONCE_BYTES)
        return f"{VERSION}.{key_id}.{to_text(nonce + AESGCM(master).encrypt(nonce, key, bound_to(company_id, 'data-key')))}"

    def unwrap(self, company_id: str, token: str) -> bytes:
        """The data key again."""
        _, key_id, body = token.split(".", 2)
        master = next((key for name, key in self._master_keys() if name == key_id), None)
        if master is None:
            raise AppError(
                Code.SECRET_UNREADABLE,
                f"The master key '{key_id}' is missing. Give it back in DESKLORE_MASTER_KEYS, the key file or the data folder.",
            )
        key = decrypt(AESGCM(master), body, bound_to(company_id, "data-key"))
        if key is None:
            raise AppError(Code.SECRET_UNREADABLE, f"The master key '{key_id}' is not the one that wrapped this tenant's data key.")
        return key

    def is_newest(self, token: str) -> bool:
        """Whether the first master key wrapped it."""
        return token.split(".", 2)[1] == self._master_keys()[0][0]


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

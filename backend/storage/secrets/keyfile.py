"""Secrets that the embedded mode makes for itself, each in a file that only its owner can read."""

import base64
import binascii
import contextlib
import os
import secrets
from pathlib import Path

from backend.core.errors import AppError, Code

_KEY_BYTES = 32


def load_or_make_master_key(path: Path) -> tuple[str, bytes]:
    """The master key in a file (`id:base64`), made at the first call. Losing the file is losing every stored secret."""
    text = _load_or_make(path, f"local-{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}")
    try:
        ((key_id, key),) = parse_master_keys(text)
    except ValueError:
        raise AppError(Code.SECRET_UNREADABLE, f"{path} does not hold a master key. Put the right file back from a backup.") from None
    return key_id, key


class MasterKeyFile:
    """Master keys in a file, `id:base64` by comma or line, the first of which wraps; read again when the file was changed.

    So a new key comes and an old one goes without a restart. While a changed file holds no keys, those of before are used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._keys: list[tuple[str, bytes]] = []
        self()

    def __call__(self) -> list[tuple[str, bytes]]:
        """The keys as the file has them now. Raises SECRET_UNREADABLE where it never had any."""
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_ino, state.st_size)
            if seen != self._seen:
                self._keys = parse_master_keys(",".join(self._path.read_text("utf-8").splitlines()))
                self._seen = seen
        except (OSError, ValueError) as error:
            if not self._keys:
                # Of a UnicodeDecodeError, which is a ValueError, the text would hold the key.
                reason = error.strerror if isinstance(error, OSError) else "it holds no master keys"
                message = f"{self._path} can't be used: {reason}. Put `id:base64 of 32 bytes` there, one a line."
                raise AppError(Code.SECRET_UNREADABLE, message) from None
        return self._keys


def load_or_make_secret(path: Path) -> str:
    """A random secret of 256 bits in a file, made at the first call."""
    text = _load_or_make(path, secrets.token_urlsafe(_KEY_BYTES))
    if not text:
        raise AppError(Code.SECRET_UNREADABLE, f"{path} is empty. Put it back from a backup, or delete it to have a new one made.")
    return text


def parse_master_keys(text: str) -> list[tuple[str, bytes]]:
    """`id:base64 of 32 bytes`, comma-separated. Raises ValueError that names what is wrong, without the key."""
    keys = []
    for number, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise ValueError(f"master key {number} is not base64") from None
        if not key_id or "." in key_id or key_id == "kms" or len(key) != _KEY_BYTES:
            raise ValueError(f"master key {number} must be an id without a dot that is not 'kms', ':', and 32 bytes as base64")
        keys.append((key_id, key))
    if not keys:
        raise ValueError("no master key is given")
    return keys


def _load_or_make(path: Path, fresh: str) -> str:
    """The file's text; where there is no file, `fresh` unless another process was faster."""
    try:
        if not path.exists():
            _make(path, fresh)
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise AppError(Code.SECRET_UNREADABLE, f"{path} can't be read or made: {reason}.") from error


def _make(path: Path, text: str) -> None:
    """Write it whole under another name, then give it its own unless the name is taken: nobody reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(half, path)
    finally:
        half.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

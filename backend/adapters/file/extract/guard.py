"""Refuse archives that unpack to more than anybody attaches in earnest."""

import zipfile
from pathlib import Path
from typing import Final

from backend.core.errors import AppError, Code

_ENTRIES: Final = 10_000
_UNPACKED: Final = 300_000_000
_RATIO: Final = 200
_RATIO_FROM: Final = 20_000_000


def check_archive(path: Path, name: str) -> None:
    """Look at an Office file's directory before anything unpacks it. Raises ATTACHMENT_TOO_LARGE, _ENCRYPTED or _UNREADABLE."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {error}.") from error
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise AppError(Code.ATTACHMENT_ENCRYPTED, f"{name} is protected by a password.")
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if len(entries) > _ENTRIES or unpacked > _UNPACKED or (unpacked > _RATIO_FROM and unpacked > packed * _RATIO):
        raise AppError(Code.ATTACHMENT_TOO_LARGE, f"{name} unpacks to {unpacked:,} bytes in {len(entries):,} files.")

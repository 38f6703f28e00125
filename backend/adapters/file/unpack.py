"""Zip archives that people upload: looked at before anything is unpacked, and counted while it is."""

import contextlib
import stat
import unicodedata
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from backend.adapters.file.places.place import copied, is_hidden
from backend.adapters.file.scan import may_be_read
from backend.core.errors import AppError, Code
from backend.core.ports.files import Unpacked

_ENTRIES: Final = 20_000
_RATIO: Final = 200
_RATIO_FROM: Final = 20_000_000
_DEPTH: Final = 12
_UTF8_FLAG: Final = 0x800
_ENCRYPTED_FLAG: Final = 0x1
_PIECE: Final = 1 << 18
_ARCHIVES: Final = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".alz", ".egg")
SEGMENT_BYTES: Final = 200


def unpack(path: Path, name: str, max_bytes: int) -> Generator[Unpacked, None, None]:
    """The files that there is a reader for, one after the other; each is closed by who gets it."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(archive.infolist(), name, max_bytes)
            left = max_bytes
            for entry in entries:
                inner = _name_of(entry, name)
                if is_hidden(inner) or not may_be_read(inner):
                    continue
                file = copied(_unpacked(archive, entry, min(left, entry.file_size), name))
                left -= entry.file_size
                yield Unpacked(inner, file)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zipfile.LargeZipFile) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged, or packed in a way nobody reads: {error}.") from error


def clean_name(name: str) -> str:
    """A path as it is kept: with / between folders, composed letters. Raises INVALID_REQUEST where it leaves its folder."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")
    parts = plain.split("/")
    bad = plain.startswith("/") or (len(plain) > 1 and plain[1] == ":") or any(part in ("", ".", "..") for part in parts)
    if bad or len(parts) > _DEPTH or any(ord(letter) < 32 or ord(letter) == 127 for letter in plain):
        raise AppError(Code.INVALID_REQUEST, f"{name!r} is no name that a file may have here.")
    if any(len(part.encode(errors="replace")) > SEGMENT_BYTES for part in parts):
        raise AppError(Code.INVALID_REQUEST, f"{PurePosixPath(plain).name[:40]}… has too long a name; 200 bytes are the most.")
    return plain


def _checked(entries: list[zipfile.ZipInfo], name: str, max_bytes: int) -> list[zipfile.ZipInfo]:
    """The files of an archive whose directory is unsuspicious."""
    files = [entry for entry in entries if not entry.is_dir()]
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in files):
        raise AppError(Code.ATTACHMENT_ENCRYPTED, f"{name} is protected by a password.")
    for entry in files:
        mode = entry.external_attr >> 16
        if stat.S_ISLNK(mode) or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
            raise AppError(Code.INVALID_REQUEST, f"{name} holds {entry.filename!r}, which is a link and no file.")
        inner = _name_of(entry, name)
        if inner.lower().endswith(_ARCHIVES) and not is_hidden(inner):
            raise AppError(Code.INVALID_REQUEST, f"{name} holds another archive, {inner}; unpack that one and upload its files.")
    unpacked, packed = sum(entry.file_size for entry in files), sum(entry.compress_size for entry in files) or 1
    if len(files) > _ENTRIES:
        raise AppError(Code.ATTACHMENT_TOO_LARGE, f"{name} holds {len(files):,} files; {_ENTRIES:,} are the most.")
    if unpacked > max_bytes or (unpacked > _RATIO_FROM and unpacked > packed * _RATIO):
        raise AppError(
            Code.ATTACHMENT_TOO_LARGE,
            f"{name} unpacks to {unpacked:,} bytes, {unpacked // packed} times its size; {max_bytes:,} and {_RATIO} times are the most.",
        )
    return files


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, name: str) -> Iterator[bytes]:
    """What is in an entry; ended where it gives more than the directory says."""
    size = 0
    with archive.open(entry) as packed:
        while piece := packed.read(_PIECE):
            size += len(piece)
            if size > most:
                raise AppError(Code.ATTACHMENT_TOO_LARGE, f"{name} unpacks to more than its directory says; it is not taken.")
            yield piece


def _name_of(entry: zipfile.ZipInfo, name: str) -> str:
    """Windows in Korean writes names in its own encoding and does not say so."""
    inner = entry.filename
    if not entry.flag_bits & _UTF8_FLAG and not inner.isascii():
        with contextlib.suppress(UnicodeError):
            inner = inner.encode("cp437").decode("cp949")
    try:
        return clean_name(inner)
    except AppError as error:
        raise AppError(Code.INVALID_REQUEST, f"{name} can't be unpacked: {error.message}") from None

"""Zip archives that people upload: looked at before anything is unpacked, and counted while it is."""

import contextlib
import unicodedata
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from backend.adapters.archive import DAMAGED, Archive, Limits, Member
from backend.adapters.file.places.place import copied, is_hidden
from backend.adapters.file.scan import may_be_read
from backend.core.errors import AppError, Code
from backend.core.ports.files import Unpacked

_DEPTH: Final = 12
_PIECE: Final = 1 << 18
_SEGMENT_BYTES: Final = 200


def unpack(path: Path, name: str, max_bytes: int) -> Generator[Unpacked, None, None]:
    """The files that there is a reader for, one after the other; each is closed by who gets it."""
    archive = Archive(path, name, Limits(unpacked=max_bytes))
    try:
        if archive.archives:
            raise AppError(
                Code.INVALID_REQUEST, f"{name} holds another archive, {archive.archives[0]}; unpack that one and upload its files."
            )
        # All names are looked at before the first file is given.
        for inner, member in [(_name_of(member, name), member) for member in archive.members]:
            if not is_hidden(inner) and may_be_read(inner):
                yield Unpacked(inner, copied(_pieces(archive, member, name)))
    finally:
        archive.close()


def clean_name(name: str) -> str:
    """A path as it is kept: with / between folders, composed letters. Raises INVALID_REQUEST where it leaves its folder."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")
    parts = plain.split("/")
    bad = plain.startswith("/") or (len(plain) > 1 and plain[1] == ":") or any(part in ("", ".", "..") for part in parts)
    if bad or len(parts) > _DEPTH or any(ord(letter) < 32 or ord(letter) == 127 for letter in plain):
        raise AppError(Code.INVALID_REQUEST, f"{name!r} is no name that a file may have here.")
    if any(len(part.encode(errors="replace")) > _SEGMENT_BYTES for part in parts):
        raise AppError(Code.INVALID_REQUEST, f"{PurePosixPath(plain).name[:40]}… has too long a name; 200 bytes are the most.")
    return plain


def _pieces(archive: Archive, member: Member, name: str) -> Iterator[bytes]:
    """What is in a file of the archive; ended where it gives more than the directory says."""
    size = 0
    try:
        with archive.open(member) as packed:
            while piece := packed.read(_PIECE):
                size += len(piece)
                if size > member.size:
                    raise AppError(Code.EXPORT_TOO_LARGE, f"{name} unpacks to more than its directory says; it is not taken.")
                yield piece
    except DAMAGED as error:
        raise AppError(Code.EXPORT_UNREADABLE, f"{name} is damaged, or packed in a way nobody reads: {error}.") from error


def _name_of(member: Member, name: str) -> str:
    """Windows in Korean writes names in its own encoding and does not say so."""
    inner = member.name
    if not member.in_utf8 and not inner.isascii():
        with contextlib.suppress(UnicodeError):
            inner = inner.encode("cp437").decode("cp949")
    try:
        return clean_name(inner)
    except AppError as error:
        raise AppError(Code.INVALID_REQUEST, f"{name} can't be unpacked: {error.message}") from None

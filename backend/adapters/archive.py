"""Reading a zip that somebody gave us: its directory is checked before anything is unpacked, and nothing is unpacked to a disk.

What is refused: more files or bytes than an export has, packing that only a bomb reaches, names that lead elsewhere, links,
passwords, and names that come twice. Archives within the archive are never opened.
"""

import stat
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Final

from msgspec import Struct

from backend.core.errors import AppError, Code

_ENCRYPTED: Final = 0x1
_UTF8: Final = 0x800
_ARCHIVES: Final = frozenset({".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst"})
_OF_MACHINES: Final = frozenset({"__macosx", ".ds_store", "thumbs.db"})
"""What packing by hand leaves in an archive."""


DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)
"""What the zip library raises where the packed bytes are not what the directory says."""


class Limits(Struct, frozen=True, kw_only=True):
    """What an archive may be at most."""

    files: int = 20_000
    unpacked: int = 200_000_000_000
    """Bytes of all files: they are read as a stream, so this bounds time and not memory."""
    ratio: int = 200
    """Unpacked over packed bytes of one file; text with ever the same names packs to a fiftieth at best."""
    ratio_from: int = 20_000_000
    """A smaller file may pack as well as it likes."""


class Member(Struct, frozen=True, kw_only=True):
    """A file in an archive."""

    name: str
    """Its path in the archive, with `/`."""
    size: int
    """Unpacked, in bytes, as the archive says; never more is read."""
    in_utf8: bool = True
    """Whether the archive says in which letters the name is; without it a program of the old days read it as cp437."""
    at: datetime | None
    """When it was written, by a clock whose zone nobody tells; None where the archive says nothing that can be."""

    @property
    def base(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.name).name


class Archive:
    """An open zip whose directory was found to be safe. To be closed."""

    def __init__(self, path: Path, name: str, limits: Limits | None = None) -> None:
        """Open and check. Raises EXPORT_UNREADABLE or EXPORT_TOO_LARGE with what is wrong; `name` is what people call the file."""
        self.name = name
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise AppError(Code.EXPORT_UNREADABLE, f"{name} is no zip archive, or is damaged: {error}.") from error
        try:
            members = _checked(self._zip.infolist(), name, limits or Limits())
        except AppError:
            self._zip.close()
            raise
        self.members = tuple(member for member in members if not _is_archive(member))
        self.archives = tuple(member.name for member in members if _is_archive(member))
        """Those within it, for telling why nothing was found."""

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def open(self, member: Member) -> IO[bytes]:
        """The unpacked bytes of a file, as a stream; reading one that is damaged raises one of `DAMAGED`."""
        return self._zip.open(member.name)


def _checked(entries: list[zipfile.ZipInfo], name: str, limits: Limits) -> tuple[Member, ...]:
    files = [entry for entry in entries if not entry.is_dir() and not _left_by_a_machine(entry.filename)]
    unpacked = sum(entry.file_size for entry in files)
    if len(files) > limits.files or unpacked > limits.unpacked:
        raise AppError(Code.EXPORT_TOO_LARGE, f"{name} unpacks to {unpacked:,} bytes in {len(files):,} files, more than is read.")
    seen: set[str] = set()
    for entry in files:
        _check(entry, name, limits)
        if entry.filename in seen:
            raise AppError(Code.EXPORT_UNREADABLE, f"{name} has {entry.filename} twice.")
        seen.add(entry.filename)
    return tuple(
        Member(name=entry.filename, size=entry.file_size, in_utf8=bool(entry.flag_bits & _UTF8), at=_written(entry)) for entry in files
    )


def _check(entry: zipfile.ZipInfo, name: str, limits: Limits) -> None:
    path = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename.partition("/")[0] or stat.S_ISLNK(mode):
        raise AppError(Code.EXPORT_UNREADABLE, f"{name} holds a path that leads out of it: {entry.filename!r}.")
    if entry.flag_bits & _ENCRYPTED:
        raise AppError(Code.EXPORT_UNREADABLE, f"{name} is protected by a password; unpack it and pack it again without one.")
    if entry.file_size > limits.ratio_from and entry.file_size > limits.ratio * max(1, entry.compress_size):
        raise AppError(
            Code.EXPORT_TOO_LARGE, f"{entry.filename} in {name} unpacks from {entry.compress_size:,} to {entry.file_size:,} bytes."
        )


def _is_archive(member: Member) -> bool:
    return PurePosixPath(member.name).suffix.lower() in _ARCHIVES


def _left_by_a_machine(filename: str) -> bool:
    return any(part.lower() in _OF_MACHINES for part in PurePosixPath(filename).parts)


def _written(entry: zipfile.ZipInfo) -> datetime | None:
    """The time of a file. A zip without times says 1980, the first year it can."""
    try:
        at = datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return None
    return at if at.year > 1980 else None

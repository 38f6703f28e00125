"""What every place of files can do."""

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Protocol

from msgspec import Struct

from backend.core.errors import AppError, Code

MOST_FILES: Final = 200_000
"""More than this in one place are somebody's home folder or a mistake."""
_IGNORED: Final = frozenset({"thumbs.db", "desktop.ini"})


class Found(Struct, frozen=True, kw_only=True):
    """A file as its place names it."""

    path: str
    """With `/` between folders, relative to the place."""
    size: int
    stamp: str
    """Changes whenever the bytes do."""
    modified: datetime


class Place(Protocol):
    """Somewhere files lie. Methods raise AppError with a SOURCE_* code."""

    name: str
    """As people know it."""

    async def list(self) -> Sequence[Found]:
        """All files, by path. Raises SOURCE_HOST_UNKNOWN where there is no such place, SOURCE_CREDENTIALS_REJECTED, SOURCE_UNAVAILABLE."""
        ...

    async def open(self, found: Found) -> BinaryIO:
        """The bytes, on this machine. Raises SOURCE_ITEM_NOT_FOUND where the file is gone or is another one by now."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


def is_hidden(path: str) -> bool:
    """Files that programs keep for themselves: `.git`, `~$offer.docx`, `Thumbs.db`, `__MACOSX`."""
    parts = PurePosixPath(path).parts
    return any(part.startswith((".", "~$")) or part == "__MACOSX" for part in parts) or parts[-1].lower() in _IGNORED


def copied(pieces: Iterable[bytes]) -> BinaryIO:
    """A file without a name that holds these, at its beginning; who gets it closes it."""
    with contextlib.ExitStack() as unless_given:
        # Whatever stops us, nobody else closes what nobody got.
        copy = unless_given.enter_context(tempfile.TemporaryFile())
        for piece in pieces:
            copy.write(piece)
        copy.seek(0)
        unless_given.pop_all()
    return copy


def gone(path: str) -> AppError:
    """The error for a file that is not there any more."""
    return AppError(Code.SOURCE_ITEM_NOT_FOUND, f"There is no file {path} any more.")


def changed(path: str) -> AppError:
    """The error for a file that is another one than the one that was listed."""
    return AppError(Code.SOURCE_MALFORMED, f"{path} was changed while it was read; the next sync reads it again.")


def too_many(name: str) -> AppError:
    """The error for a place nobody meant."""
    return AppError(
        Code.SOURCE_REQUEST_REFUSED, f"{name} holds more than {MOST_FILES:,} files; name a folder in it that holds only what is to be read."
    )

"""What files and their rows are called, and which version of them is there."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, BinaryIO, Final

from backend.adapters.file.entries import FileEntry
from backend.adapters.file.places.place import Found
from backend.adapters.file.scan import Sheet
from backend.core.errors import AppError, Code
from backend.core.model.preview import FileState
from backend.core.model.sync import Cursor, RunOptions

_PIECE: Final = 1 << 18
_ID_MAX: Final = 240
_CHANGING_SECONDS: Final = 15.0


def sheet_in(file: FileEntry) -> Sheet:
    """How a file of rows is read."""
    assert file.sheet is not None  # noqa: S101 - only a file of tickets has tickets
    return file.sheet


def going_on(rest: Cursor, position: dict[str, Any]) -> Cursor:
    """Where a listing of these files goes on."""
    return Cursor(stream=rest.stream, position={"list": rest.position["seen"]} | position)


def digest_of_bytes(file: BinaryIO) -> str:
    """SHA-256 of what is left of a file."""
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def state_of(found: Found, entry: FileEntry | None, kind: str = "new") -> FileState:
    """A file as it is told to people; `kind` where the catalog does not know it as it is now."""
    known = entry is not None and entry.stamp == found.stamp
    return FileState(
        path=found.path,
        size=found.size,
        modified_at=found.modified,
        uploaded=found.path.startswith("upload:"),
        kind=entry.kind if entry is not None and known else kind,
        problem=entry.problem if entry is not None and known else "",
    )


def missing() -> AppError:
    """The error for a ticket that was there."""
    return AppError(Code.SOURCE_ITEM_NOT_FOUND, "No file has this ticket any more.")


def being_written(path: str) -> AppError:
    """The error for a file that does not stand still."""
    return AppError(
        Code.SOURCE_UNAVAILABLE, f"{path} is being written; the sync goes on when it stands still.", retry_after=_CHANGING_SECONDS
    )


def refused(entry: FileEntry) -> AppError:
    """The error for a file that can't be read."""
    return AppError(Code(entry.code or Code.ATTACHMENT_UNREADABLE), entry.problem or f"{entry.path} can't be read.")


def id_of(path: str) -> str:
    """The path itself, as far as the store takes it."""
    return path if len(path) <= _ID_MAX else f"{path[: _ID_MAX - 30]}…{hashlib.sha256(path.encode()).hexdigest()[:24]}"


def version_of(entry: FileEntry) -> str:
    """Of a document: another one whenever the file changes, or what is declared of it."""
    mark = hashlib.sha256(f"{entry.stamp}\x1f{entry.declared}\x1f{entry.problem}".encode()).hexdigest()[:16]
    return f"{entry.modified:%Y-%m-%dT%H:%M:%S.%fZ} {mark}"


def is_within(modified: datetime, options: RunOptions) -> bool:
    """Whether what changed then was asked for."""
    after = options.since is None or modified >= options.since
    return after and (options.until is None or modified < options.until)


async def pieces_of(file: BinaryIO) -> AsyncIterator[bytes]:
    """The bytes of a file, read beside the event loop."""
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece

"""What can be done with files before and beside reading them as a source."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from backend.core.model.preview import FileState, Preview


class Unpacked(NamedTuple):
    """A file out of an archive, in a file of its own that goes when it is closed."""

    path: str
    file: BinaryIO


class FileTools(Protocol):
    """Looks at files that people send."""

    def check_name(self, name: str) -> str:
        """The name as it is kept. Raises INVALID_REQUEST where it is none, or names a type that has no reader."""
        ...

    def is_archive(self, path: Path, name: str) -> bool:
        """Whether it is to be unpacked."""
        ...

    def unpack(self, path: Path, name: str, max_bytes: int) -> Generator[Unpacked, None, None]:
        """The files in an archive that there is a reader for. Raises ATTACHMENT_TOO_LARGE, _ENCRYPTED, _UNREADABLE or INVALID_REQUEST.

        Nothing is given of an archive whose directory is suspicious, and what unpacks to more than its directory says ends it.
        """
        ...

    def check_declaration(self, data: bytes) -> None:
        """Raises INVALID_REQUEST that names the mistake in a declaration for many files."""
        ...

    def preview(self, file: BinaryIO, name: str, declaration: bytes) -> Preview:
        """How the file would be read with this declaration (of one file, may be empty); the file is closed. Blocks."""
        ...


@runtime_checkable
class FileShelf(Protocol):
    """A Source whose items are files that can be named."""

    async def files(self) -> Sequence[FileState]:
        """Everything that lies there, by path."""
        ...

    async def preview(self, path: str, declaration: bytes) -> Preview:
        """How one of them would be read. Raises SOURCE_ITEM_NOT_FOUND."""
        ...

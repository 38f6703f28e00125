"""A file that is written aside and gets its name when it is whole; nothing that lies there already is lost by it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from backend.core.errors import AppError, Code


class AsideFile:
    """`file` is open for reading and writing until `finish` forces it to the disk and names it, or `abandon` removes it. Blocks.

    All that customers wrote lies in there: nobody else on the machine may read it. Raises INVALID_REQUEST where the path can't be
    written, or is taken and `overwrite` wasn't asked for.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self._path = path
        self._half = path.with_name(f".{path.name}.{secrets.token_hex(6)}.half")
        with told(path):
            _check_free(path, overwrite=overwrite)
            self.file: IO[bytes] = os.fdopen(os.open(self._half, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")

    def write(self, data: bytes) -> None:
        """Write on. Raises STORAGE_FULL where the disk takes no more."""
        with told(self._path):
            self.file.write(data)

    def finish(self) -> int:
        """Give the file its name; returns its size."""
        with told(self._path):
            self.file.flush()
            os.fsync(self.file.fileno())
            size = self.file.seek(0, os.SEEK_END)
            self.file.close()
            self._half.replace(self._path)
        return size

    def abandon(self) -> None:
        """Remove what was written; nothing after `finish`."""
        # Where the disk is full, what waits to be written can't be written now either.
        with suppress(OSError):
            self.file.close()
        self._half.unlink(missing_ok=True)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise AppError for what a disk can answer."""
    try:
        yield
    except FileNotFoundError as error:
        raise AppError(Code.INVALID_REQUEST, f"There is no {path}, or no folder for it.") from error
    except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise AppError(Code.INVALID_REQUEST, f"{path} can't be read or written: {error.strerror}.") from error
    except OSError as error:
        raise AppError(Code.STORAGE_FULL, f"{path} can't be read or written: {error.strerror}.") from error


def _check_free(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not path.is_file():
        raise AppError(Code.INVALID_REQUEST, f"{path} is not a file. Name the file to write.")
    if not overwrite:
        raise AppError(Code.INVALID_REQUEST, f"{path} is there already. Give another name, or say --overwrite.")

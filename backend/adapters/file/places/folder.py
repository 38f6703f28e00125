"""A folder of this server, and nothing outside of it: no link is followed, not even one that is made while we read."""

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from backend.adapters.file.places.place import MOST_FILES, Found, changed, gone, is_hidden, too_many
from backend.core.errors import AppError, Code

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""A pipe that somebody put there would otherwise hold us up for ever."""


class FolderPlace:
    """The folder `parts` below `root`; every step is taken from the open folder above it, and a link is no step."""

    def __init__(self, root: Path, parts: tuple[str, ...]) -> None:
        self._root = root
        self._parts = parts
        self.name = "/".join(("folder", *parts[1:]))

    async def list(self) -> Sequence[Found]:
        """All plain files, by path. Raises SOURCE_HOST_UNKNOWN where there is no such folder."""
        return await asyncio.to_thread(self._list)

    async def open(self, found: Found) -> BinaryIO:
        """The file, if it still is the one that was listed."""
        return await asyncio.to_thread(self._open, found)

    async def close(self) -> None:
        """Nothing is held."""

    def _list(self) -> Sequence[Found]:
        found: list[Found] = []
        with self._top() as top:
            for folder, folders, names, handle in os.fwalk(".", dir_fd=top, follow_symlinks=False):
                folders[:] = sorted(name for name in folders if not is_hidden(name))
                at = folder.removeprefix(".").removeprefix("/")
                for name in names:
                    one = None if is_hidden(name) else _looked_at(handle, name, f"{at}/{name}" if at else name)
                    if one is not None:
                        found.append(one)
                if len(found) > MOST_FILES:
                    raise too_many(self.name)
        return sorted(found, key=lambda each: each.path)

    def _open(self, found: Found) -> BinaryIO:
        *folders, name = found.path.split("/")
        if not all(part and part not in (".", "..") for part in (*folders, name)):
            raise gone(found.path)
        try:
            with self._top() as top, _steps(top, folders) as folder:
                handle = os.open(name, _FILE, dir_fd=folder)
        except OSError:
            raise gone(found.path) from None
        file = os.fdopen(handle, "rb", 1 << 18)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or _stamp(status) != found.stamp:
            file.close()
            raise changed(found.path)
        return file

    @contextmanager
    def _top(self) -> Iterator[int]:
        with ExitStack() as stack:
            try:
                root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, root)
                top = stack.enter_context(_steps(root, self._parts))
            except OSError as error:
                raise self._missing(error) from None
            yield top

    def _missing(self, error: OSError) -> AppError:
        return AppError(
            Code.SOURCE_HOST_UNKNOWN,
            f"The folder of this connection can't be opened ({error.strerror}). On the server it is the folder "
            f"{'/'.join(self._parts)} below one that DESKLORE_FILE_ROOTS names; links are not followed.",
        )


@contextmanager
def _steps(top: int, parts: Sequence[str]) -> Iterator[int]:
    """The open folder `parts` below an open folder."""
    with ExitStack() as stack:
        for part in parts:
            top = os.open(part, _FOLDER, dir_fd=top)
            stack.callback(os.close, top)
        yield top


def _looked_at(folder: int, name: str, path: str) -> Found | None:
    """A plain file; None for a link, a pipe, what is gone by now, and a name that is no text."""
    try:
        path.encode()
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (OSError, UnicodeEncodeError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found(path=path, size=status.st_size, stamp=_stamp(status), modified=datetime.fromtimestamp(status.st_mtime, UTC))


def _stamp(status: os.stat_result) -> str:
    # The inode tells a file that another one of the same size and age was moved over.
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"

"""Files of tenants as plain files under a folder: `<root>/<company_id>/<key>`."""

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStore, UploadLink
from backend.storage.blobs.keys import check_key, check_prefix

_HALF_WRITTEN = ".half-written"
"""Folder for files that are being written; on the same file system, so that a rename finishes them at once."""
_ABANDONED_SECONDS = 3600.0
_PIECE = 256 * 1024
_DURABLE = "raw"
"""What can't be had again for nothing is forced to the disk before it counts as written."""


class LocalBlobStores:
    """BlobStores in a folder. Making it removes what a killed process left half-written more than an hour ago."""

    def __init__(self, root: Path) -> None:
        self._root = root
        _forget_abandoned(root / _HALF_WRITTEN)

    def open(self, company_id: str) -> BlobStore:
        """The tenant's files."""
        if company_id.startswith(".") or len(check_key(company_id)) != 1:
            raise AppError(Code.INVALID_REQUEST, "This company_id can't name a folder.")
        return LocalBlobStore(self._root / company_id, self._root / _HALF_WRITTEN)

    async def ping(self) -> None:
        """Raises STORAGE_UNAVAILABLE when the folder can't be had."""
        with _told():
            await asyncio.to_thread(self._root.mkdir, parents=True, exist_ok=True)


class LocalBlobStore:
    """BlobStore in a folder. Blocking calls run in threads."""

    def __init__(self, folder: Path, half_written: Path) -> None:
        self._folder = folder
        self._half_written = half_written

    async def put(self, key: str, data: bytes) -> None:
        """Write or replace, atomically."""
        path = self._path(key)
        await asyncio.to_thread(self._write, path, lambda file: _write_all(file, data), durable=_is_durable(key))

    async def put_file(self, key: str, path: Path) -> None:
        """Write or replace from a local file, atomically; the file is left where it is."""
        await asyncio.to_thread(self._write, self._path(key), lambda file: _copy(path, file), durable=_is_durable(key))

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Write or replace with what comes, atomically and never whole in memory."""
        path, half = self._path(key), self._half_written / secrets.token_hex(16)
        with _told():
            # Such a file may be all that a company has: what a killed process left of one goes without a restart.
            await asyncio.to_thread(_forget_abandoned, self._half_written)
            file = await _opened(partial(self._begin, half))
        try:
            async for piece in pieces:
                with _told():
                    await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(self._finish, file, half, path, durable=_is_durable(key))
        finally:
            # Where the disk is full, what waits to be written can't be written at the end either.
            with contextlib.suppress(OSError):
                file.close()
            half.unlink(missing_ok=True)

    async def get(self, key: str) -> bytes | None:
        """The whole file, None where there is none."""
        return await asyncio.to_thread(_read_all, self._path(key))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes from `start` up to and without `end`, in pieces. Raises ATTACHMENT_NOT_FOUND where there is no such file."""
        if start < 0 or (end is not None and end < start):
            raise AppError(Code.INVALID_REQUEST, "The range of bytes is not possible.")
        file = await _opened(partial(_open, self._path(key), start))
        try:
            left = end - start if end is not None else None
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, _PIECE if left is None else min(left, _PIECE))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            file.close()

    async def size(self, key: str) -> int | None:
        """In bytes, None where there is no such file."""
        path = self._path(key)
        return await asyncio.to_thread(lambda: path.stat().st_size if path.is_file() else None)

    async def list(self, prefix: str) -> list[str]:
        """The file `prefix` and all under the folder `prefix`, sorted."""
        top = self._folder.joinpath(*check_prefix(prefix))
        return await asyncio.to_thread(lambda: sorted(path.relative_to(self._folder).as_posix() for path in _files(top)))

    async def delete(self, prefix: str) -> int:
        """Delete a file or everything under a prefix (`""`: everything of the tenant); returns how many files."""
        top = self._folder.joinpath(*check_prefix(prefix))
        return await asyncio.to_thread(self._delete, top)

    async def link(self, key: str, *, seconds: int, content_type: str, disposition: str) -> str | None:  # noqa: ARG002 - the port's
        """A folder has no URLs."""
        check_key(key)
        return None

    async def upload_link(self, key: str, *, seconds: int, size: int, sha256: str | None) -> UploadLink | None:  # noqa: ARG002 - the port's
        """A folder has no URLs."""
        check_key(key)
        return None

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*check_key(key))

    def _write(self, path: Path, fill: Callable[[BinaryIO], None], *, durable: bool) -> None:
        """Write beside, then rename: a reader sees the old file or the new one, never half of one."""
        with _told():
            half = self._half_written / secrets.token_hex(16)
            with contextlib.ExitStack() as undone:
                undone.callback(half.unlink, missing_ok=True)
                with self._begin(half) as file:
                    fill(file)
                    self._finish(file, half, path, durable=durable)
                undone.pop_all()

    def _finish(self, file: BinaryIO, half: Path, path: Path, *, durable: bool) -> None:
        """Give the file its name, now that all of it is written."""
        with _told():
            file.flush()
            if durable:
                os.fsync(file.fileno())
            _move(half, path)
            if durable:
                _sync_folder(path.parent)

    def _begin(self, half: Path) -> BinaryIO:
        """A new file. Its folder is there, nearly always."""
        try:
            return half.open("xb")
        except FileNotFoundError:
            self._half_written.mkdir(parents=True, exist_ok=True)
            return half.open("xb")

    def _delete(self, top: Path) -> int:
        with _told():
            deleted = 0
            for path in list(_files(top)):
                path.unlink(missing_ok=True)
                deleted += 1
            for folder in sorted((folder for folder, _, _ in os.walk(top)), key=len, reverse=True):
                _drop_if_empty(Path(folder))
            parent = top.parent
            while parent.is_relative_to(self._folder) and _drop_if_empty(parent):
                parent = parent.parent
            return deleted


async def _opened(opening: Callable[[], BinaryIO]) -> BinaryIO:
    """The file that a thread opens. Whoever is canceled meanwhile never sees it: then it is closed once it is open."""
    task = asyncio.ensure_future(asyncio.to_thread(opening))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_close_unseen)
        raise


def _close_unseen(opened: asyncio.Future[BinaryIO]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise AppError for what a disk can answer."""
    try:
        yield
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise AppError(Code.INVALID_REQUEST, "One file key can't be a folder of another.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise AppError(
                Code.STORAGE_FULL, "The disk that holds the files is full. Free some space; the work goes on by itself."
            ) from error
        raise AppError(Code.STORAGE_UNAVAILABLE, f"A file can't be read or written: {error.strerror}. Check the data folder.") from error


def _is_durable(key: str) -> bool:
    return key.split("/", 1)[0] == _DURABLE


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _copy(source: Path, file: BinaryIO) -> None:
    with source.open("rb") as original:
        shutil.copyfileobj(original, file, _PIECE)


def _read_all(path: Path) -> bytes | None:
    with _told():
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None


def _open(path: Path, start: int) -> BinaryIO:
    with _told():
        try:
            file = path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise AppError(Code.ATTACHMENT_NOT_FOUND, "This file was not kept.") from None
        if start:
            file.seek(start)
        return file


def _move(half: Path, path: Path) -> None:
    """Rename, making the folder; a delete that runs beside may take the empty folder away again."""
    for attempt in range(3):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            half.replace(path)
        except FileNotFoundError:
            if attempt == 2:
                raise
        else:
            return


def _files(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
    for folder, _, names in os.walk(top):
        yield from (Path(folder, name) for name in names)


def _drop_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """A rename survives a power cut only when its folder is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget_abandoned(folder: Path) -> None:
    oldest = time.time() - _ABANDONED_SECONDS
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()

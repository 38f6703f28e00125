"""A file that somebody sent, on its way to where a connection reads it: by whichever way it came, checked, unpacked and kept alike."""

import asyncio
import hashlib
import tempfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.auth import TenantCaller
from backend.core.model.connection import Connection
from backend.core.model.upload import FILE_PLATFORM, Upload, latest, uploads_of
from backend.core.ports.blobs import BlobStore
from backend.core.ports.files import FileTools
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services

_PIECE = 1 << 20


async def connection_of_files(services: Services, company_id: str, connection_id: str) -> Connection:
    """The connection, if it reads files. Raises CONNECTION_NOT_FOUND or INVALID_REQUEST."""
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
    if connection.platform != FILE_PLATFORM:
        raise AppError(
            Code.INVALID_REQUEST, f"{connection_id} is a {connection.platform} connection; files belong to one of the platform `file`."
        )
    return connection


def tools_of(services: Services) -> FileTools:
    """What looks at files. Raises PLATFORM_UNKNOWN where there is none."""
    if services.files is None:
        raise AppError(Code.PLATFORM_UNKNOWN, "This installation has no reader for files.")
    return services.files


async def keep_uploaded(services: Services, company_id: str, connection_id: str, path: Path, name: str) -> list[Upload]:
    """Keep a local file for the connection's next sync; of a zip, every file in it that there is a reader for.

    The name was checked. Raises ATTACHMENT_EMPTY, INVALID_REQUEST where there is nothing to read in a zip, and EXPORT_* for one.
    """
    blobs = services.blobs.open(company_id)
    if not await asyncio.to_thread(tools_of(services).is_archive, path, name):
        return [await _keep(blobs, connection_id, path, name)]
    uploads = await _keep_unpacked(services, blobs, connection_id, path, name)
    if not uploads:
        raise AppError(Code.INVALID_REQUEST, f"{name} holds no file that there is a reader for; see docs/files.md for those there are.")
    return uploads


async def note_of_file(services: Services, caller: TenantCaller, action: str, connection: Connection, name: str) -> None:
    """Write into the audit log what was done to a file."""
    async with services.database.open(caller.company_id, write=True) as uow:
        await uow.audit.add(caller.audited(action, connection.connection_id, file=name))


def copy_bounded(file: BinaryIO, path: Path, most: int, name: str) -> None:
    """Copy a file that may have so many bytes. Raises ATTACHMENT_TOO_LARGE or ATTACHMENT_EMPTY. Blocks."""
    size = 0
    with path.open("wb") as copy:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > most:
                raise AppError(
                    Code.ATTACHMENT_TOO_LARGE, f"{name} has more than {most:,} bytes, which DESKLORE_FILE_UPLOAD_MAX_BYTES allows."
                )
            copy.write(piece)
    if not size:
        raise AppError(Code.ATTACHMENT_EMPTY, f"{name} has no bytes.")


async def _keep_unpacked(services: Services, blobs: BlobStore, connection_id: str, path: Path, name: str) -> list[Upload]:
    """Keep what is in an archive, file by file."""
    most = services.policy.upload_max_bytes
    uploads = []
    with closing(tools_of(services).unpack(path, name, most)) as unpacked:
        while (one := await asyncio.to_thread(next, unpacked, None)) is not None:
            with one.file, tempfile.NamedTemporaryFile(prefix="desklore-") as inner:
                await asyncio.to_thread(copy_bounded, one.file, Path(inner.name), most, one.path)
                uploads.append(await _keep(blobs, connection_id, Path(inner.name), one.path))
    return uploads


async def _keep(blobs: BlobStore, connection_id: str, path: Path, name: str) -> Upload:
    """Keep a version, then forget the ones before it: a sync between the two reads the old one or the new one."""
    size, digest = await asyncio.to_thread(measured, path)
    upload = Upload(path=name, size=size, sha256=digest, uploaded_at=clock.now())
    key = upload.key(FILE_PLATFORM, connection_id)
    before = await blobs.list(f"{uploads_of(FILE_PLATFORM, connection_id)}/{name}")
    if any(each.sha256 == digest for each in latest(before, FILE_PLATFORM, connection_id) if each.path == name):
        # The same file once more is no news.
        return next(each for each in latest(before, FILE_PLATFORM, connection_id) if each.path == name)
    await blobs.put_file(key, path)
    for old in before:
        if old.rpartition("/")[0] == key.rpartition("/")[0]:
            await blobs.delete(old)
    return upload


def measured(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 in hex of a local file. Blocks."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            digest.update(piece)
    return size, digest.hexdigest()

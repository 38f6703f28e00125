"""Files of a connection: uploaded, listed, deleted, declared, and shown as they would be read."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import BinaryIO

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.auth import TenantCaller
from backend.core.model.connection import Connection
from backend.core.model.preview import FileState, Preview
from backend.core.model.quota import Lane
from backend.core.model.upload import FILE_PLATFORM, Upload, kept_by, latest, uploads_of
from backend.core.ports.blobs import BlobStore
from backend.core.ports.files import FileShelf, FileTools
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services

_PIECE = 1 << 20
_DECLARATION = "desklore.yaml"


async def check_connection(services: Services, company_id: str, connection_id: str) -> None:
    """Whether it takes files, before somebody sends a gigabyte. Raises CONNECTION_NOT_FOUND or INVALID_REQUEST."""
    await _connection(services, company_id, connection_id)


async def upload_file(services: Services, caller: TenantCaller, connection_id: str, file: BinaryIO, name: str) -> list[Upload]:
    """Keep a file for the connection's next sync; of a zip, every file in it that there is a reader for.

    A file of the same name is replaced. Raises CONNECTION_NOT_FOUND, INVALID_REQUEST, ATTACHMENT_* for a file, or EXPORT_* for a zip.
    """
    connection = await _connection(services, caller.company_id, connection_id)
    tools = _tools(services)
    name = tools.check_name(name)
    blobs = services.blobs.open(caller.company_id)
    uploads: list[Upload] = []
    with tempfile.NamedTemporaryFile(prefix="desklore-") as copy:
        path = Path(copy.name)
        await asyncio.to_thread(_copy, file, path, services.policy.upload_max_bytes, name)
        if await asyncio.to_thread(tools.is_archive, path, name):
            uploads += await _keep_unpacked(services, blobs, connection_id, path, name)
            if not uploads:
                raise AppError(
                    Code.INVALID_REQUEST, f"{name} holds no file that there is a reader for; see docs/files.md for those there are."
                )
        else:
            uploads.append(await _keep(blobs, connection_id, path, name))
    await _audit(services, caller, "file.upload", connection, name)
    return uploads


async def list_files(services: Services, company_id: str, connection_id: str) -> Sequence[FileState]:
    """All files that the connection reads. Raises CONNECTION_NOT_FOUND and what its source raises."""
    connection = await _connection(services, company_id, connection_id)
    async with _shelf(services, company_id, connection) as shelf:
        return await shelf.files()


async def delete_file(services: Services, caller: TenantCaller, connection_id: str, path: str) -> int:
    """Delete an upload; what was read of it goes with the next sync. Returns how many files. Raises ATTACHMENT_NOT_FOUND."""
    connection = await _connection(services, caller.company_id, connection_id)
    blobs = services.blobs.open(caller.company_id)
    bare = path.removeprefix("upload:")
    keys = await blobs.list(uploads_of(FILE_PLATFORM, connection_id))
    gone = [upload for upload in latest(keys, FILE_PLATFORM, connection_id) if upload.path == bare or upload.path.startswith(f"{bare}/")]
    if not gone:
        raise AppError(Code.ATTACHMENT_NOT_FOUND, "No file of this name was uploaded for this connection.")
    for upload in gone:
        await blobs.delete(f"{uploads_of(FILE_PLATFORM, connection_id)}/{upload.path}")
    await _audit(services, caller, "file.delete", connection, bare)
    return len(gone)


async def preview_file(
    services: Services, company_id: str, connection_id: str, file: BinaryIO, name: str, *, declaration: bytes
) -> Preview:
    """How a file that is not kept would be read. Raises CONNECTION_NOT_FOUND, INVALID_REQUEST or ATTACHMENT_*."""
    await _connection(services, company_id, connection_id)
    tools = _tools(services)
    name = tools.check_name(name)
    # The readers close what they are given, and the caller keeps what is theirs.
    copy = await asyncio.to_thread(_copied, file)
    return await asyncio.to_thread(tools.preview, copy, name, declaration)


async def preview_kept(services: Services, company_id: str, connection_id: str, path: str, declaration: bytes) -> Preview:
    """How one of the connection's files would be read. Raises CONNECTION_NOT_FOUND or SOURCE_ITEM_NOT_FOUND."""
    connection = await _connection(services, company_id, connection_id)
    async with _shelf(services, company_id, connection) as shelf:
        return await shelf.preview(path, declaration)


async def declare(services: Services, caller: TenantCaller, connection_id: str, declaration: bytes) -> None:
    """Say how the connection's files are to be read, instead of what was declared before; empty declares nothing.

    Raises CONNECTION_NOT_FOUND, and INVALID_REQUEST that names the mistake.
    """
    connection = await _connection(services, caller.company_id, connection_id)
    key = f"{kept_by(FILE_PLATFORM, connection_id)}/{_DECLARATION}"
    blobs = services.blobs.open(caller.company_id)
    if declaration.strip():
        _tools(services).check_declaration(declaration)
        await blobs.put(key, declaration)
    else:
        await blobs.delete(key)
    await _audit(services, caller, "file.declare", connection, _DECLARATION)


async def declared(services: Services, company_id: str, connection_id: str) -> bytes:
    """What is declared, empty where nothing is. Raises CONNECTION_NOT_FOUND."""
    await _connection(services, company_id, connection_id)
    return await services.blobs.open(company_id).get(f"{kept_by(FILE_PLATFORM, connection_id)}/{_DECLARATION}") or b""


async def _keep_unpacked(services: Services, blobs: BlobStore, connection_id: str, path: Path, name: str) -> list[Upload]:
    """Keep what is in an archive, file by file."""
    most = services.policy.upload_max_bytes
    uploads = []
    with closing(_tools(services).unpack(path, name, most)) as unpacked:
        while (one := await asyncio.to_thread(next, unpacked, None)) is not None:
            with one.file, tempfile.NamedTemporaryFile(prefix="desklore-") as inner:
                await asyncio.to_thread(_copy, one.file, Path(inner.name), most, one.path)
                uploads.append(await _keep(blobs, connection_id, Path(inner.name), one.path))
    return uploads


async def _keep(blobs: BlobStore, connection_id: str, path: Path, name: str) -> Upload:
    """Keep a version, then forget the ones before it: a sync between the two reads the old one or the new one."""
    size, digest = await asyncio.to_thread(_measured, path)
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


async def _connection(services: Services, company_id: str, connection_id: str) -> Connection:
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
    if connection.platform != FILE_PLATFORM:
        raise AppError(
            Code.INVALID_REQUEST, f"{connection_id} is a {connection.platform} connection; files belong to one of the platform `file`."
        )
    return connection


@asynccontextmanager
async def _shelf(services: Services, company_id: str, connection: Connection) -> AsyncIterator[FileShelf]:
    source = await open_source(services, company_id, connection, Lane.LIVE)
    try:
        if not isinstance(source, FileShelf):
            raise AppError(Code.INVALID_REQUEST, f"{connection.connection_id} has no files.")
        yield source
    finally:
        await source.close()


def _tools(services: Services) -> FileTools:
    if services.files is None:
        raise AppError(Code.PLATFORM_UNKNOWN, "This installation has no reader for files.")
    return services.files


def _copy(file: BinaryIO, path: Path, most: int, name: str) -> None:
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


def _copied(file: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who gets it
    while piece := file.read(_PIECE):
        copy.write(piece)
    copy.seek(0)
    return copy


def _measured(path: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            digest.update(piece)
    return size, digest.hexdigest()


async def _audit(services: Services, caller: TenantCaller, action: str, connection: Connection, name: str) -> None:
    async with services.database.open(caller.company_id, write=True) as uow:
        await uow.audit.add(caller.audited(action, connection.connection_id, file=name))

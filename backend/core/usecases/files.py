"""Files of a connection: uploaded, listed, deleted, declared, and shown as they would be read."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.sources import open_source
from backend.core.ingest.pipeline.uploaded import connection_of_files, copy_bounded, keep_uploaded, note_of_file, tools_of
from backend.core.model.auth import TenantCaller
from backend.core.model.connection import Connection
from backend.core.model.preview import FileState, Preview
from backend.core.model.quota import Lane
from backend.core.model.upload import FILE_PLATFORM, Upload, kept_by, latest, uploads_of
from backend.core.ports.files import FileShelf
from backend.core.ports.services import Services

_PIECE = 1 << 20
_DECLARATION = "desklore.yaml"


async def check_connection(services: Services, company_id: str, connection_id: str) -> None:
    """Whether it takes files, before somebody sends a gigabyte. Raises CONNECTION_NOT_FOUND or INVALID_REQUEST."""
    await connection_of_files(services, company_id, connection_id)


async def upload_file(services: Services, caller: TenantCaller, connection_id: str, file: BinaryIO, name: str) -> list[Upload]:
    """Keep a file for the connection's next sync; of a zip, every file in it that there is a reader for.

    A file of the same name is replaced. Raises CONNECTION_NOT_FOUND, INVALID_REQUEST, ATTACHMENT_* for a file, or EXPORT_* for a zip.
    """
    connection = await connection_of_files(services, caller.company_id, connection_id)
    tools = tools_of(services)
    name = tools.check_name(name)
    with tempfile.NamedTemporaryFile(prefix="desklore-") as copy:
        path = Path(copy.name)
        await asyncio.to_thread(copy_bounded, file, path, services.policy.upload_max_bytes, name)
        uploads = await keep_uploaded(services, caller.company_id, connection_id, path, name)
    await note_of_file(services, caller, "file.upload", connection, name)
    return uploads


async def list_files(services: Services, company_id: str, connection_id: str) -> Sequence[FileState]:
    """All files that the connection reads. Raises CONNECTION_NOT_FOUND and what its source raises."""
    connection = await connection_of_files(services, company_id, connection_id)
    async with _shelf(services, company_id, connection) as shelf:
        return await shelf.files()


async def delete_file(services: Services, caller: TenantCaller, connection_id: str, path: str) -> int:
    """Delete an upload; what was read of it goes with the next sync. Returns how many files. Raises ATTACHMENT_NOT_FOUND."""
    connection = await connection_of_files(services, caller.company_id, connection_id)
    blobs = services.blobs.open(caller.company_id)
    bare = path.removeprefix("upload:")
    keys = await blobs.list(uploads_of(FILE_PLATFORM, connection_id))
    gone = [upload for upload in latest(keys, FILE_PLATFORM, connection_id) if upload.path == bare or upload.path.startswith(f"{bare}/")]
    if not gone:
        raise AppError(Code.ATTACHMENT_NOT_FOUND, "No file of this name was uploaded for this connection.")
    for upload in gone:
        await blobs.delete(f"{uploads_of(FILE_PLATFORM, connection_id)}/{upload.path}")
    await note_of_file(services, caller, "file.delete", connection, bare)
    return len(gone)


async def preview_file(
    services: Services, company_id: str, connection_id: str, file: BinaryIO, name: str, *, declaration: bytes
) -> Preview:
    """How a file that is not kept would be read. Raises CONNECTION_NOT_FOUND, INVALID_REQUEST or ATTACHMENT_*."""
    await connection_of_files(services, company_id, connection_id)
    tools = tools_of(services)
    name = tools.check_name(name)
    # The readers close what they are given, and the caller keeps what is theirs.
    copy = await asyncio.to_thread(_copied, file)
    return await asyncio.to_thread(tools.preview, copy, name, declaration)


async def preview_kept(services: Services, company_id: str, connection_id: str, path: str, declaration: bytes) -> Preview:
    """How one of the connection's files would be read. Raises CONNECTION_NOT_FOUND or SOURCE_ITEM_NOT_FOUND."""
    connection = await connection_of_files(services, company_id, connection_id)
    async with _shelf(services, company_id, connection) as shelf:
        return await shelf.preview(path, declaration)


async def declare(services: Services, caller: TenantCaller, connection_id: str, declaration: bytes) -> None:
    """Say how the connection's files are to be read, instead of what was declared before; empty declares nothing.

    Raises CONNECTION_NOT_FOUND, and INVALID_REQUEST that names the mistake.
    """
    connection = await connection_of_files(services, caller.company_id, connection_id)
    key = f"{kept_by(FILE_PLATFORM, connection_id)}/{_DECLARATION}"
    blobs = services.blobs.open(caller.company_id)
    if declaration.strip():
        tools_of(services).check_declaration(declaration)
        await blobs.put(key, declaration)
    else:
        await blobs.delete(key)
    await note_of_file(services, caller, "file.declare", connection, _DECLARATION)


async def declared(services: Services, company_id: str, connection_id: str) -> bytes:
    """What is declared, empty where nothing is. Raises CONNECTION_NOT_FOUND."""
    await connection_of_files(services, company_id, connection_id)
    return await services.blobs.open(company_id).get(f"{kept_by(FILE_PLATFORM, connection_id)}/{_DECLARATION}") or b""


@asynccontextmanager
async def _shelf(services: Services, company_id: str, connection: Connection) -> AsyncIterator[FileShelf]:
    source = await open_source(services, company_id, connection, Lane.LIVE)
    try:
        if not isinstance(source, FileShelf):
            raise AppError(Code.INVALID_REQUEST, f"{connection.connection_id} has no files.")
        yield source
    finally:
        await source.close()


def _copied(file: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who gets it
    while piece := file.read(_PIECE):
        copy.write(piece)
    copy.seek(0)
    return copy

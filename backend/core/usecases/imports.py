"""Import an account export into a connection: look at it, keep it, and start the run that reads it."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.imported import IMPORTS
from backend.core.ingest.pipeline.progress import open_run
from backend.core.model.connection import Connection
from backend.core.model.sync import ExportFile, Run, RunMode, RunOptions, Stream
from backend.core.model.tenant import Caller
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services
from backend.core.ports.source import ExportRequest

_NAME_CHARS = 200


class Upload(Struct, frozen=True, kw_only=True):
    """A file that somebody gave us."""

    path: Path
    name: str
    made_at: datetime | None = None
    """When the helpdesk began to make it; None where nobody says."""


async def check_import(services: Services, company_id: str, connection_id: str) -> Connection:
    """The connection, if an export may be given to it now. Raises CONNECTION_NOT_FOUND or RUN_ACTIVE.

    A paused or broken one may: an export needs no credentials, and is the way in where the API is closed.
    """
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
        if (active := await uow.sync.active_run(connection_id)) is not None:
            raise AppError(
                Code.RUN_ACTIVE,
                f"Run {active.run_id} of this connection is {active.state.value}; wait for it or cancel it.",
                details={"run_id": active.run_id},
            )
    return connection


async def start_import(services: Services, company_id: str, connection_id: str, upload: Upload, *, caller: Caller) -> Run:
    """Keep an export and queue the run that reads it. The file is left where it is; the copy is deleted when it was read.

    Raises EXPORT_UNREADABLE, EXPORT_TOO_LARGE or EXPORT_UNSUPPORTED where it is none of the connection's platform,
    CONNECTION_NOT_FOUND, INVALID_REQUEST where it was made in the future, and RUN_ACTIVE where a run is under way.
    """
    connection = await check_import(services, company_id, connection_id)
    if upload.made_at is not None and upload.made_at > clock.now():
        raise AppError(Code.INVALID_REQUEST, "made_at lies in the future; say when the helpdesk began to make the export.")
    name = "".join(char for char in upload.name if char.isprintable())[:_NAME_CHARS] or "export.zip"
    services.sources.check_export(connection.platform, ExportRequest(path=upload.path, name=name, made_at=upload.made_at))
    folder = f"{IMPORTS}/{connection_id}"
    key = f"{folder}/{ids.new_id('export')}.zip"
    blobs = services.blobs.open(company_id)
    await blobs.put_file(key, upload.path)
    export = ExportFile(key=key, name=name, size=upload.path.stat().st_size, made_at=upload.made_at)
    options = RunOptions(mode=RunMode.IMPORT, streams=(Stream.TICKETS, Stream.ARTICLES), export=export)
    try:
        async with services.database.open(company_id, write=True) as uow:
            run = await open_run(uow, await connection_of(uow, connection_id), options, caller=caller)
    except AppError:
        await blobs.delete(key)
        raise
    # Now that this is the one that is read: what imports that were stopped have left can't be taken up again.
    for other in await blobs.list(folder):
        if other != key:
            await blobs.delete(other)
    return run

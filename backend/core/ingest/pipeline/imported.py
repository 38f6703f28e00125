"""Read an account export into the store, and let the incremental sync go on where it ends, without a gap or a double.

An export is old the moment it is made. So what is stored in a newer version stays, what the helpdesk said is gone stays gone,
and the connection's place moves only where the export is shown to hold everything there was: in doubt the next sync lists
all tickets, which costs a call for a hundred, and reads those that are new.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.halfway import KeptAnswers
from backend.core.ingest.pipeline.pulse import pulse
from backend.core.ingest.pipeline.sources import open_export
from backend.core.ingest.pipeline.streams import read_streams
from backend.core.ingest.pipeline.take import Taker
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.document import DocState, Document, PackedDocument
from backend.core.model.sync import ExportFile, ItemFailure, ItemRef, Run
from backend.core.ports.blobs import BlobStore
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services
from backend.core.ports.source import ExportRequest, ExportSource

IMPORTS = "imports"
"""Begins the keys of exports in a tenant's blobs; the connection's id follows."""


class ImportTaker(Taker):
    """A Taker of what is as old as the export says, however late it is read: what is stored in a later version stays (`newer`)."""

    async def wanted(self, refs: Sequence[ItemRef]) -> list[ItemRef]:
        """Of the listed items those that are not stored in this version or a later one, and that are not known to be gone."""
        changed = await super().wanted(refs)
        async with self._services.database.open(self._company_id) as uow:
            stored = await uow.documents.get_many([self._document_id(ref) for ref in changed])
        return [self._dated(ref, document) for ref in changed if not self._is_ahead(document := stored.get(self._document_id(ref)), ref)]

    def _dated(self, ref: ItemRef, stored: Document | None) -> ItemRef:
        """The ref as old as its item; what a connection has left that is no more has no say in it."""
        told_at = _changed_at(ref) if stored is None or self._is_ours(stored) else None
        return msgspec.structs.replace(ref, told_at=told_at)

    def _is_ahead(self, stored: Document | None, ref: ItemRef) -> bool:
        if stored is None or not self._is_ours(stored):
            return False
        at = _changed_at(ref)
        if stored.state is DocState.DELETED or at is None:
            return stored.state is DocState.DELETED
        # One that was taken on the spot has no version, and was read without its files.
        return stored.updated_at > at or (stored.updated_at == at and stored.source_version != "")

    def _is_ours(self, stored: Document) -> bool:
        return stored.connection_id == self._connection.connection_id

    async def _put(
        self, uow: UnitOfWork, items: Sequence[Taken], documents: Sequence[Document | PackedDocument], failures: Sequence[ItemFailure]
    ) -> None:
        """Store; what is set aside keeps its place in the export, and not its record."""
        items = [msgspec.structs.replace(each, retry=None if each.retry is None else _placed(each.retry)) for each in items]
        await super()._put(uow, items, documents, [_placed(failure) for failure in failures])


async def read_export(services: Services, company_id: str, connection: Connection, run: Run) -> Run:
    """Read an export to its end and move the connection's place. Raises EXPORT_UNREADABLE, or as a sync does."""
    export = run.options.export
    if export is None:
        raise AppError(Code.INTERNAL, "An import without an export.")
    blobs = services.blobs.open(company_id)
    with tempfile.NamedTemporaryFile(prefix="desklore-import-", suffix=".zip") as scratch:
        await _fetch(blobs, export, scratch)
        request = ExportRequest(path=Path(scratch.name), name=export.name, made_at=export.made_at)
        source = await open_export(services, company_id, connection, request)
        try:
            taker = ImportTaker(services, company_id, connection, source, run, kept=KeptAnswers(blobs, connection.connection_id))
            async with pulse(taker.tell_progress):
                streams = [stream for stream in run.options.streams if stream in source.capabilities.streams]
                await read_streams(services, company_id, taker, source, streams)
                continued = await _go_on(services, company_id, taker.run, source)
        finally:
            await source.close()
    return msgspec.structs.replace(taker.run, continued_at=continued, unreadable=tuple(sorted(source.unreadable | taker.refused)))


async def forget_exports(services: Services, company_id: str, connection_id: str) -> int:
    """Delete the files of a connection's exports: what was read is in the store, and in the archive of payloads."""
    return await services.blobs.open(company_id).delete(f"{IMPORTS}/{connection_id}")


async def _fetch(blobs: BlobStore, export: ExportFile, out: IO[bytes]) -> None:
    """Bring the file here: a zip is read from its end, and from many places."""
    if await blobs.size(export.key) is None:
        raise AppError(Code.EXPORT_UNREADABLE, f"The file of {export.name} is no longer there; give it again.")
    try:
        async for piece in blobs.read(export.key):
            await asyncio.to_thread(out.write, piece)
        out.flush()
    except OSError as error:
        raise AppError(Code.STORAGE_FULL, f"No room to read {export.name}: {error.strerror}. Free disk space.") from error


async def _go_on(services: Services, company_id: str, run: Run, source: ExportSource) -> datetime | None:
    """Move the places of the connection to where the export ends; the moment from which on the next sync reads."""
    moved: list[datetime] = []
    for stream in source.capabilities.streams:
        async with services.database.open(company_id) as uow:
            read = await uow.sync.get_cursor(run.connection_id, stream, run.run_id)
            current = await uow.sync.get_cursor(run.connection_id, stream)
        then = await source.continuation(stream, read, current) if read is not None else None
        if then is None:
            continue
        async with services.database.open(company_id, write=True) as uow:
            await uow.sync.put_cursor(run.connection_id, then.cursor)
            connection = await uow.connections.get(run.connection_id)
            if connection is not None and connection.last_synced_at is None:
                await uow.connections.put(msgspec.structs.replace(connection, last_synced_at=then.at))
        moved.append(then.at)
    return min(moved, default=None)


def _placed(failure: ItemFailure) -> ItemFailure:
    return msgspec.structs.replace(failure, hint={name: failure.hint[name] for name in ("file", "record") if name in failure.hint})


def _changed_at(ref: ItemRef) -> datetime | None:
    at = ref.hint.get("at")
    return clock.parse_time(at) if isinstance(at, str) else None

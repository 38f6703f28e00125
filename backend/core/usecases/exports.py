"""Exports of everything that is kept of a company, for its admins: start one, watch it, take it, delete it (SPEC D5)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backend.core import clock, ids
from backend.core.errors import AppError, Code, Retry
from backend.core.ingest.pipeline.pulse import pulse
from backend.core.model.erasure import ErasureState
from backend.core.model.export import UNDER_WAY, Export, ExportState
from backend.core.model.job import Job, JobName
from backend.core.model.tenant import Caller
from backend.core.ports.blobs import BlobStore
from backend.core.ports.database import UnitOfWork
from backend.core.ports.exports import Written
from backend.core.ports.services import Services

MOST_TRIES: Final = 5
"""One that was begun so often without coming to an end has failed."""
MOST_KEPT: Final = 5
"""So many written exports a company may have at once: each is as large as all that is kept of it."""
ERASING_SECONDS: Final = 5.0
"""How often it is looked whether a person's erasure has ended, for which an export waits."""
_PAUSE_SECONDS: Final = 60.0
"""Before it is tried again the first time; four times as long before each further one."""


class OpenedExport(Struct, frozen=True, kw_only=True):
    """An export that may be taken."""

    export: Export
    blobs: BlobStore

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes from `start` up to and without `end`, in pieces."""
        return self.blobs.read(self.export.key, start, end)


async def start_export(services: Services, company_id: str, *, caller: Caller) -> Export:
    """Queue an export. Raises EXPORT_ACTIVE where one is under way, EXPORTS_KEPT where too many are there."""
    async with services.database.open(company_id, write=True) as uow:
        there = [each for each in await uow.exports.list() if not each.is_over(clock.now())]
        active = next((each for each in there if each.state in UNDER_WAY), None)
        if active is not None:
            raise AppError(
                Code.EXPORT_ACTIVE,
                f"Export {active.export_id} is {active.state.value}; wait for it, or delete it.",
                details={"export_id": active.export_id},
            )
        written = [each.export_id for each in there if each.state is ExportState.DONE]
        if len(written) >= MOST_KEPT:
            raise AppError(Code.EXPORTS_KEPT, f"{len(written)} written exports are kept; delete one, such as {written[-1]}, the oldest.")
        export = Export(export_id=ids.new_id("export"), created_at=clock.now())
        await uow.exports.put(export)
        await uow.audit.add(caller.audited("export.start", export.export_id))
        uow.enqueue(Job(name=JobName.EXPORT_COMPANY, company_id=company_id, subject=export.export_id))
    return export


async def list_exports(services: Services, company_id: str) -> list[Export]:
    """The company's exports whose time is not up, newest first."""
    now = clock.now()
    async with services.database.open(company_id) as uow:
        return [each for each in await uow.exports.list() if not each.is_over(now)]


async def get_export(services: Services, company_id: str, export_id: str) -> Export:
    """How one goes. Raises EXPORT_NOT_FOUND, also where its time is up."""
    async with services.database.open(company_id) as uow:
        return await _there(uow, export_id)


async def open_export(services: Services, company_id: str, export_id: str, *, caller: Caller) -> OpenedExport:
    """Find a written export and note who takes it. Raises EXPORT_NOT_FOUND, and EXPORT_NOT_READY where it is not written."""
    blobs = services.blobs.open(company_id)
    async with services.database.open(company_id) as uow:
        export = await _there(uow, export_id)
        if export.state is not ExportState.DONE:
            advice = "start another one" if export.state is ExportState.FAILED else "wait until it is done"
            raise AppError(Code.EXPORT_NOT_READY, f"Export {export_id} is {export.state.value}; {advice}.")
        if await blobs.size(export.key) != export.size:
            raise AppError(Code.EXPORT_NOT_FOUND, f"The file of export {export_id} is gone; start another one.")
        await uow.audit.add(caller.audited("export.download", export_id))
    return OpenedExport(export=export, blobs=blobs)


async def delete_export(services: Services, company_id: str, export_id: str, *, caller: Caller) -> Export:
    """Delete an export and its file; one that is under way is stopped. Raises EXPORT_NOT_FOUND."""
    async with services.database.open(company_id, write=True) as uow:
        export = await _there(uow, export_id)
        await uow.exports.delete(export_id)
        await uow.audit.add(caller.audited("export.delete", export_id))
    # Whoever is killed before this leaves a file that no export names; the clean-up finds it.
    await services.blobs.open(company_id).delete(export.folder)
    return export


async def run_export(services: Services, company_id: str, export_id: str) -> float | None:
    """Write an export from its beginning. None: it has ended, or is another one's matter. A number: call again after so many seconds.

    Safe to call again after being killed anywhere, and while somebody else is at it: the one that began last counts.
    """
    writing = await _begin(services, company_id, export_id)
    if not isinstance(writing, _Writing):
        return writing
    try:
        # What earlier attempts have left.
        await writing.blobs.delete(writing.export.folder)
        async with pulse(writing.note):
            written = await services.exporter.write(company_id, writing.export.key, writing.tell)
        await writing.finish(written)
    except _OvertakenError:
        await writing.blobs.delete(writing.export.key)
    except AppError as error:
        return await writing.fail(error)
    return None


class _OvertakenError(Exception):
    """The export was deleted, or is begun anew by somebody else."""


class _Writing:
    """One attempt at an export."""

    def __init__(self, services: Services, company_id: str, export: Export) -> None:
        self._services = services
        self._company_id = company_id
        self._overtaken = False
        self.export = export
        self.blobs = services.blobs.open(company_id)

    def tell(self, phase: str, done: int, total: int) -> None:
        """How far it is, which the next note writes down. Raises _OvertakenError where the last one found that it is in vain."""
        if self._overtaken:
            raise _OvertakenError
        self.export = replace(self.export, phase=phase, done=done, total=total)

    async def note(self) -> None:
        """Write down how far it is."""
        try:
            await self._save(self.export)
        except _OvertakenError:
            self._overtaken = True

    async def finish(self, written: Written) -> None:
        """It can be taken from now on, for as long as the policy says."""
        now = clock.now()
        done = replace(
            self.export,
            state=ExportState.DONE,
            phase="",
            rows=written.rows,
            files=written.files,
            size=written.size,
            sha256=written.sha256,
            finished_at=now,
            expires_at=_end(self._services, now),
            error_code=None,
            error_message="",
        )
        await self._save(done)

    async def fail(self, error: AppError) -> float | None:
        """Keep why it could not be written. A number: trying again after so many seconds may help."""
        again = error.retry in (Retry.SOURCE_DOWN, Retry.LATER) and self.export.tries < MOST_TRIES
        seconds = _PAUSE_SECONDS * 4.0 ** (self.export.tries - 1)
        told = replace(self.export, phase="", error_code=error.code.value, error_message=error.message)
        if again:
            told = replace(told, state=ExportState.QUEUED, resume_at=clock.now() + timedelta(seconds=seconds))
        try:
            await self._save(told if again else _failed(self._services, told))
        except _OvertakenError:
            return None
        return seconds if again else None

    async def _save(self, export: Export) -> None:
        async with self._services.database.open(self._company_id, write=True) as uow:
            stored = await uow.exports.get(export.export_id)
            if stored is None or stored.attempt != export.attempt:
                raise _OvertakenError
            await uow.exports.put(export)


async def _begin(services: Services, company_id: str, export_id: str) -> _Writing | float | None:
    """The next attempt; None where there is nothing to do, or it was tried too often; a number where it has to wait for so many seconds."""
    async with services.database.open(company_id, write=True) as uow:
        export = await uow.exports.get(export_id)
        if export is None or export.state not in UNDER_WAY:
            return None
        if export.tries >= MOST_TRIES:
            await uow.exports.put(_failed(services, export))
            return None
        if any(each.state is ErasureState.RUNNING for each in await uow.erasures.list()):
            # It would hold whoever is being erased, and keep the database's files from being cleaned.
            return ERASING_SECONDS
        now = clock.now()
        if export.resume_at is not None and export.resume_at > now:
            # The sweeper does not know of pauses.
            return (export.resume_at - now).total_seconds()
        begun = replace(export, state=ExportState.RUNNING, attempt=export.attempt + 1, tries=export.tries + 1, resume_at=None)
        begun = replace(begun, phase="", done=0, total=0)
        await uow.exports.put(begun)
    return _Writing(services, company_id, begun)


def _failed(services: Services, export: Export) -> Export:
    now = clock.now()
    return replace(
        export,
        state=ExportState.FAILED,
        phase="",
        finished_at=now,
        expires_at=_end(services, now),
        error_code=export.error_code or Code.EXPORT_FAILED.value,
        error_message=export.error_message or f"It was begun {export.tries} times and never came to its end; the server's log says why.",
    )


def _end(services: Services, now: datetime) -> datetime:
    return now + timedelta(days=services.policy.retention.export_days)


async def _there(uow: UnitOfWork, export_id: str) -> Export:
    export = await uow.exports.get(export_id)
    if export is None or export.is_over(clock.now()):
        raise AppError(Code.EXPORT_NOT_FOUND, f"There is no export {export_id}; list them with GET /api/v1/exports.")
    return export

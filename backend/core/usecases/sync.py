"""Sync a connection: start, watch, cancel, and the run itself in steps that may be killed between any two."""

from datetime import timedelta

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code, Retry
from backend.core.ingest.pipeline.imported import forget_exports, read_export
from backend.core.ingest.pipeline.points import written_to
from backend.core.ingest.pipeline.progress import ACTIVE, RunCanceledError, open_run, save_run, with_progress
from backend.core.ingest.pipeline.rebuild import rebuild
from backend.core.ingest.pipeline.streams import read_source
from backend.core.model.connection import ConnectionState
from backend.core.model.document import DocState
from backend.core.model.pace import PROCESSING
from backend.core.model.sync import Rebuilt, Run, RunMode, RunOptions, RunState
from backend.core.model.tenant import Caller
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services

LOOK_AGAIN_SECONDS = 2.0
"""How often a run that only waits for its Documents tells how far they are; whoever processes the last one wakes it."""
_READERS = {RunMode.IMPORT: read_export, RunMode.REBUILD: rebuild}
"""What a run of another kind than a sync does."""
MAX_WAITS = 8
"""A run that has waited so often in a row without getting anywhere has failed."""


async def start_run(services: Services, company_id: str, connection_id: str, options: RunOptions, *, caller: Caller) -> Run:
    """Queue a sync of a connection. Raises CONNECTION_NOT_FOUND, CONNECTION_PAUSED or RUN_ACTIVE."""
    async with services.database.open(company_id, write=True) as uow:
        connection = await connection_of(uow, connection_id)
        if connection.state is not ConnectionState.ACTIVE:
            reason = f": {connection.state_reason}" if connection.state_reason else ""
            raise AppError(Code.CONNECTION_PAUSED, f"The connection is {connection.state.value}{reason}. Resume it, then sync.")
        return await open_run(uow, connection, options, caller=caller)


async def get_run(services: Services, company_id: str, run_id: str) -> Run:
    """How a run goes. Raises RUN_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        run = await uow.sync.get_run(run_id)
    if run is None:
        raise AppError(Code.RUN_NOT_FOUND, f"There is no run {run_id}; list them with GET /api/v1/runs.")
    return run


async def list_runs(
    services: Services, company_id: str, connection_id: str | None, *, limit: int, after: str | None
) -> tuple[list[Run], str | None]:
    """A page of runs, newest first, and the cursor of the next one. Raises INVALID_REQUEST for a strange cursor."""
    async with services.database.open(company_id) as uow:
        return await uow.sync.list_runs(connection_id, limit, after)


async def cancel_run(services: Services, company_id: str, run_id: str, *, caller: Caller) -> Run:
    """Stop a run at its next page; what it has stored stays. A run that has ended is left as it is."""
    async with services.database.open(company_id) as uow:
        run = await uow.sync.get_run(run_id)
        if run is None:
            raise AppError(Code.RUN_NOT_FOUND, f"There is no run {run_id}.")
        if run.state in ACTIVE:
            run = msgspec.structs.replace(run, state=RunState.CANCELED, finished_at=clock.now(), phase="")
            await uow.sync.put_run(run)
            await uow.audit.add(caller.audited("run.cancel", run_id))
            services.meter.count("runs", 1, state=RunState.CANCELED.value)
    return run


async def run_sync(services: Services, company_id: str, run_id: str) -> float | None:
    """Take a run as far as it goes now. None: it has ended. A number: call again after so many seconds.

    Safe to call again after being killed anywhere: what is stored is skipped, and the cursor says where to go on.
    """
    async with services.database.open(company_id) as uow:
        run = await uow.sync.get_run(run_id)
        connection = await uow.connections.get(run.connection_id) if run is not None else None
    if run is None or run.state not in ACTIVE or connection is None:
        return None
    if run.phase == PROCESSING:
        return await _watch_processing(services, company_id, run)
    now = clock.now()
    if run.resume_at is not None and run.resume_at > now:
        return (run.resume_at - now).total_seconds()
    started = run.started_at or now
    phase = run.options.streams[0].value if run.options.streams else run.phase
    run = msgspec.structs.replace(run, state=RunState.RUNNING, phase=phase, started_at=started, heartbeat_at=now, resume_at=None)
    # At what pace it went before it was held up says nothing of now.
    run = msgspec.structs.replace(run, marks=(), error_code=None, error_message="")
    try:
        run = await _READERS.get(run.options.mode, read_source)(services, company_id, connection, await _save(services, company_id, run))
        run = await _save(services, company_id, msgspec.structs.replace(run, phase=PROCESSING))
        if run.options.mode is RunMode.IMPORT:
            await forget_exports(services, company_id, connection.connection_id)
    except RunCanceledError:
        return None
    except AppError as error:
        return await _stopped(services, company_id, run_id, error)
    return await _watch_processing(services, company_id, run)


async def _watch_processing(services: Services, company_id: str, run: Run) -> float | None:
    """Wait until the connection's Documents are processed, then compare store and index and end the run."""
    try:
        async with services.database.open(company_id, write=True) as uow:
            run = await save_run(uow, msgspec.structs.replace(await with_progress(uow, run), heartbeat_at=clock.now()))
            if run.counts.to_process:
                return LOOK_AGAIN_SECONDS
            everywhere = await uow.documents.counts()
        index = await written_to(services, company_id)
        _, indexed = await index.count()
        stored = everywhere.get(DocState.INDEXED, 0)
        counts = msgspec.structs.replace(run.counts, documents=stored, indexed_documents=indexed)
        # While other Documents are on their way (another connection's, or those with a picture that was just read) the two differ.
        settled = not (everywhere.get(DocState.PENDING, 0) + everywhere.get(DocState.PROCESSING, 0))
        differs = settled and stored != indexed
        notes = [f"The store has {stored} indexed documents and the index {indexed}."] if differs else []
        ended = msgspec.structs.replace(run, counts=counts, state=RunState.COMPLETED, phase="", finished_at=clock.now())
        code = Code.DELETIONS_HELD.value if counts.held else Code.LLM_BUDGET_USED_UP.value if counts.waiting_for_budget else None
        message = " ".join([*notes, *_remarks(ended)])
        await _save(services, company_id, msgspec.structs.replace(ended, error_code=code, error_message=message))
        services.meter.count("runs", 1, state=RunState.COMPLETED.value)
    except RunCanceledError:
        pass
    return None


def _remarks(run: Run) -> list[str]:
    """What an admin should know of a run that has completed."""
    remarks = []
    if run.counts.held:
        remarks.append(
            f"{run.counts.held} items seem to be gone from the helpdesk, too many to delete without asking; they are still found. "
            f"Check the key's rights, then agree or refuse: desklore connections deletions {run.connection_id}"
        )
    if run.counts.unprocessed:
        remarks.append(
            f"{run.counts.unprocessed} documents could not be processed and are not found. See why: "
            "desklore documents list --state failed; once the cause is gone: desklore documents retry"
        )
    if run.counts.waiting_for_budget:
        remarks.append(
            f"{run.counts.waiting_for_budget} documents wait because the budget for models is used up; they go on by themselves when "
            "it begins anew, or at once when it is raised. See: desklore budget show"
        )
    if run.rebuilt is not None:
        remarks += _of_rebuild(run.rebuilt, run.connection_id)
    if run.stalls:
        remarks.append(f"It gave no sign of life {run.stalls} times and was taken up again; look for run_stalled in the log.")
    if run.unreadable:
        lists = ", ".join(name.replace("_", " ") for name in run.unreadable)
        remarks.append(
            f"The credentials may not read: {lists}. Everything else was taken without it; give them the right, "
            f"then: desklore sync {run.connection_id} --refresh"
        )
    return [*remarks, *run.remarks]


def _of_rebuild(rebuilt: Rebuilt, connection_id: str) -> list[str]:
    remarks = []
    if rebuilt.incomplete:
        remarks.append(
            f"{rebuilt.incomplete} items were archived without what names them, and stay as they are; "
            f"read them anew: desklore sync {connection_id} --refresh"
        )
    if rebuilt.damaged:
        remarks.append(f"{rebuilt.damaged} files of the archive can't be read; what only they have stays as it is.")
    return remarks


async def _stopped(services: Services, company_id: str, run_id: str, error: AppError) -> float | None:
    """What an error does to the run: wait and go on by itself, or end, and pause a connection that an admin must mend."""
    async with services.database.open(company_id, write=True) as uow:
        run = await uow.sync.get_run(run_id)
        if run is None or run.state not in ACTIVE:
            return None
        now = clock.now()
        run = msgspec.structs.replace(run, error_code=error.code.value, error_message=error.message, heartbeat_at=now)
        if error.retry is Retry.SOURCE_DOWN and run.waits < MAX_WAITS:
            seconds = error.retry_after or min(600.0, 5.0 * 2**run.waits)
            await uow.sync.put_run(
                msgspec.structs.replace(run, state=RunState.WAITING, waits=run.waits + 1, resume_at=now + timedelta(seconds=seconds))
            )
            return seconds
        await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.FAILED, finished_at=now, phase=""))
        services.meter.count("runs", 1, state=RunState.FAILED.value)
        connection = await uow.connections.get(run.connection_id)
        if error.retry is Retry.CREDENTIALS and connection is not None:
            await uow.connections.put(msgspec.structs.replace(connection, state=ConnectionState.BROKEN, state_reason=error.message))
    return None


async def _save(services: Services, company_id: str, run: Run) -> Run:
    async with services.database.open(company_id, write=True) as uow:
        return await save_run(uow, run)

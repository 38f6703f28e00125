"""Sync a connection: start, watch, cancel, and the run itself in steps that may be killed between any two."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta

import msgspec

from backend.core import clock, ids
from backend.core.errors import AppError, Code, Retry
from backend.core.ingest.collect import ITEMS_AT_ONCE, Page, collect, read_refs
from backend.core.ingest.pipeline.progress import ACTIVE, RunCanceledError, save_run
from backend.core.ingest.pipeline.pulse import pulse
from backend.core.ingest.pipeline.sources import open_source
from backend.core.ingest.pipeline.take import Taken, Taker, cursor_scope
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.document import DocState
from backend.core.model.job import Job, JobName
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, ItemFailure, ItemRef, Run, RunCounts, RunMode, RunOptions, RunState, Stream
from backend.core.model.tenant import AuditEntry
from backend.core.ports.services import Services
from backend.core.ports.source import Source

PROCESSING = "processing"
LOOK_AGAIN_SECONDS = 0.2
"""How often a run that only waits for its Documents to be processed looks at them."""
MAX_WAITS = 8
"""A run that has waited so often in a row without getting anywhere has failed."""
LEAST_FAILURES = 10
"""Fewer failed items than this never fail a run, whatever their share."""


async def start_run(services: Services, company_id: str, connection_id: str, options: RunOptions, actor: str) -> Run:
    """Queue a sync of a connection. Raises CONNECTION_NOT_FOUND, CONNECTION_PAUSED or RUN_ACTIVE."""
    async with services.database.open(company_id, write=True) as uow:
        connection = await uow.connections.get(connection_id)
        if connection is None:
            raise AppError(Code.CONNECTION_NOT_FOUND, f"There is no connection {connection_id}; list them with GET /api/v1/connections.")
        if connection.state is not ConnectionState.ACTIVE:
            reason = f": {connection.state_reason}" if connection.state_reason else ""
            raise AppError(Code.CONNECTION_PAUSED, f"The connection is {connection.state.value}{reason}. Resume it, then sync.")
        if (active := await uow.sync.active_run(connection_id)) is not None:
            raise AppError(
                Code.RUN_ACTIVE,
                f"Run {active.run_id} of this connection is {active.state.value}; wait for it or cancel it.",
                details={"run_id": active.run_id},
            )
        run = Run(
            run_id=ids.new_id("run"),
            connection_id=connection_id,
            state=RunState.QUEUED,
            options=options,
            counts=RunCounts(),
            created_at=clock.now(),
        )
        await uow.sync.put_run(run)
        await uow.audit.add(AuditEntry(at=run.created_at, actor=actor, action="run.start", target=run.run_id))
        uow.enqueue(Job(name=JobName.SYNC_CONNECTION, company_id=company_id, subject=run.run_id))
    return run


async def get_run(services: Services, company_id: str, run_id: str) -> Run:
    """How a run goes. Raises RUN_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        run = await uow.sync.get_run(run_id)
    if run is None:
        raise AppError(Code.RUN_NOT_FOUND, f"There is no run {run_id}; list them with GET /api/v1/runs.")
    return run


async def list_runs(services: Services, company_id: str, connection_id: str | None, limit: int) -> list[Run]:
    """Runs, newest first."""
    async with services.database.open(company_id) as uow:
        return await uow.sync.list_runs(connection_id, limit)


async def list_failures(services: Services, company_id: str, connection_id: str) -> list[ItemFailure]:
    """Items that could not be taken, oldest first. Raises CONNECTION_NOT_FOUND."""
    async with services.database.open(company_id, write=True) as uow:
        if await uow.connections.get(connection_id) is None:
            raise AppError(Code.CONNECTION_NOT_FOUND)
        return await uow.sync.list_failures(connection_id)


async def cancel_run(services: Services, company_id: str, run_id: str, actor: str) -> Run:
    """Stop a run at its next page; what it has stored stays. A run that has ended is left as it is."""
    async with services.database.open(company_id) as uow:
        run = await uow.sync.get_run(run_id)
        if run is None:
            raise AppError(Code.RUN_NOT_FOUND, f"There is no run {run_id}.")
        if run.state in ACTIVE:
            run = msgspec.structs.replace(run, state=RunState.CANCELED, finished_at=clock.now(), phase="")
            await uow.sync.put_run(run)
            await uow.audit.add(AuditEntry(at=clock.now(), actor=actor, action="run.cancel", target=run_id))
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
    phase = run.options.streams[0].value if run.options.streams else ""
    run = msgspec.structs.replace(
        run, state=RunState.RUNNING, phase=phase, started_at=started, heartbeat_at=now, resume_at=None, error_code=None, error_message=""
    )
    try:
        run = await _read_source(services, company_id, connection, await _save(services, company_id, run))
        run = await _save(services, company_id, msgspec.structs.replace(run, phase=PROCESSING))
    except RunCanceledError:
        return None
    except AppError as error:
        return await _stopped(services, company_id, run_id, error)
    return await _watch_processing(services, company_id, run)


async def _read_source(services: Services, company_id: str, connection: Connection, run: Run) -> Run:
    """Read what failed before, then every stream to its end; deletions last, when everything they may concern is there."""
    source = await open_source(services, company_id, connection, _lane(connection, run))
    try:
        taker = Taker(services, company_id, connection, source, run)
        async with pulse(taker.tell_quota):
            await _retry_failures(services, company_id, taker)
            streams = [stream for stream in run.options.streams if stream in source.capabilities.streams]
            for together in ([stream for stream in streams if stream is not Stream.DELETIONS], [Stream.DELETIONS]):
                await _read_streams(services, company_id, taker, source, [stream for stream in together if stream in streams])
    finally:
        await source.close()
    async with services.database.open(company_id, write=True) as uow:
        current = await uow.connections.get(connection.connection_id)
        if current is not None:
            await uow.connections.put(msgspec.structs.replace(current, last_synced_at=clock.now()))
    return taker.run


def _lane(connection: Connection, run: Run) -> Lane:
    """The first sync reads everything too, whatever it is called."""
    everything = run.options.mode is RunMode.FULL or connection.last_synced_at is None
    return Lane.BACKFILL if everything else Lane.INCREMENTAL


async def _retry_failures(services: Services, company_id: str, taker: Taker) -> None:
    """Items that could not be taken before come first (SPEC A9)."""
    async with services.database.open(company_id) as uow:
        failures = await uow.sync.list_failures(taker.run.connection_id)
    refs = [ItemRef(doc_type=f.doc_type, original_id=f.original_id, version="", hint=f.hint) for f in failures]
    if not refs:
        return
    items, failed, gone = await read_refs(refs, taker.read_again, asyncio.Semaphore(ITEMS_AT_ONCE))
    items = await taker.complete(items)
    await taker.keep(Page[Taken](cursor=None, items=tuple(items), failures=tuple(failed), gone=tuple(gone)))


async def _read_streams(services: Services, company_id: str, taker: Taker, source: Source, streams: Sequence[Stream]) -> None:
    """Read streams side by side; the first error stops them all."""
    try:
        async with asyncio.TaskGroup() as group:
            for stream in streams:
                group.create_task(_read_stream(services, company_id, taker, source, stream))
    except* (AppError, RunCanceledError) as errors:
        raise errors.exceptions[0] from None


async def _read_stream(services: Services, company_id: str, taker: Taker, source: Source, stream: Stream) -> None:
    """Read one stream, to its end or to the limit."""
    run = taker.run
    options, scope = run.options, cursor_scope(run)
    async with services.database.open(company_id, write=True) as uow:
        cursor = await uow.sync.get_cursor(run.connection_id, stream, scope)
    listed = 0
    pages = collect(source, cursor or Cursor(stream=stream), options, taker)
    async with aclosing(pages):
        async for page in pages:
            await taker.keep(page, stream.value)
            _check_failures(services, taker.run)
            cursor = page.cursor
            listed += page.listed
            if options.limit is not None and listed >= options.limit:
                break
    if scope is not None and _moves_place(options) and cursor is not None:
        async with services.database.open(company_id, write=True) as uow:
            await uow.sync.put_cursor(run.connection_id, cursor)


def _moves_place(options: RunOptions) -> bool:
    """A full read of everything is also where the next incremental run starts; a partial one is not."""
    return options.since is None and options.until is None and options.limit is None and not options.statuses


def _check_failures(services: Services, run: Run) -> None:
    counts = run.counts
    tried = counts.stored + counts.failed
    if counts.failed >= LEAST_FAILURES and counts.failed > services.policy.failed_share * tried:
        raise AppError(
            Code.RUN_FAILED_ITEMS,
            f"{counts.failed} of {tried} items could not be taken; see them with `desklore failures {run.connection_id}`. "
            "They are tried again by the next run.",
        )


async def _watch_processing(services: Services, company_id: str, run: Run) -> float | None:
    """Wait until the connection's Documents are processed, then compare store and index and end the run."""
    try:
        async with services.database.open(company_id, write=True) as uow:
            states = await uow.documents.counts(run.connection_id)
            left = states.get(DocState.PENDING, 0) + states.get(DocState.PROCESSING, 0)
            counts = msgspec.structs.replace(run.counts, to_process=left, processed=max(0, run.counts.stored - left))
            run = await save_run(uow, msgspec.structs.replace(run, counts=counts, heartbeat_at=clock.now()))
            if left:
                return LOOK_AGAIN_SECONDS
            everywhere = await uow.documents.counts()
        index = await services.indexes.open(company_id)
        _, indexed = await index.count()
        stored = everywhere.get(DocState.INDEXED, 0)
        counts = msgspec.structs.replace(counts, documents=stored, indexed_documents=indexed)
        # While other Documents are on their way (another connection's, or those with a picture that was just read) the two differ.
        settled = not (everywhere.get(DocState.PENDING, 0) + everywhere.get(DocState.PROCESSING, 0))
        differs = settled and stored != indexed
        message = f"The store has {stored} indexed documents and the index {indexed}." if differs else ""
        ended = msgspec.structs.replace(run, counts=counts, state=RunState.COMPLETED, phase="", finished_at=clock.now())
        await _save(services, company_id, msgspec.structs.replace(ended, error_code=None, error_message=message))
        services.meter.count("runs", 1, state=RunState.COMPLETED.value)
    except RunCanceledError:
        pass
    return None


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

"""Writing how a run goes, from two sides at once: reading the source, and processing what was stored."""

from collections.abc import Collection
from typing import Final

import msgspec

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection
from backend.core.model.document import DocState
from backend.core.model.job import Job, JobName, Line
from backend.core.model.pace import PROCESSING, marked
from backend.core.model.sync import Run, RunCounts, RunMode, RunOptions, RunState
from backend.core.model.tenant import AuditEntry, Caller
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services

ACTIVE = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.WAITING})
SCHEDULE: Final = "schedule"
"""Who starts a run that nobody asked for, as the audit log names it."""


class RunCanceledError(Exception):
    """Somebody canceled the run, or its connection is gone; the transaction it is raised in is rolled back."""


async def open_run(uow: UnitOfWork, connection: Connection, options: RunOptions, *, caller: Caller | None) -> Run:
    """Queue a run of a connection; without a caller it is the schedule's. Raises RUN_ACTIVE where there is one."""
    if (active := await uow.sync.active_run(connection.connection_id)) is not None:
        raise AppError(
            Code.RUN_ACTIVE,
            f"Run {active.run_id} of this connection is {active.state.value}; wait for it or cancel it.",
            details={"run_id": active.run_id},
        )
    run = Run(
        run_id=ids.new_id("run"),
        connection_id=connection.connection_id,
        state=RunState.QUEUED,
        options=options,
        counts=RunCounts(),
        scheduled=caller is None,
        created_at=clock.now(),
    )
    await uow.sync.put_run(run)
    await uow.audit.add(_started(run, caller))
    line = Line.QUICK if is_quick(connection, options) else Line.BULK
    uow.enqueue(Job(name=JobName.SYNC_CONNECTION, company_id=uow.company_id, subject=run.run_id, line=line))
    return run


def is_quick(connection: Connection, options: RunOptions) -> bool:
    """What changed since the last sync is soon read, and somebody may wait for it."""
    return options.mode is RunMode.INCREMENTAL and connection.last_synced_at is not None


def _started(run: Run, caller: Caller | None) -> AuditEntry:
    if caller is not None:
        return caller.audited("run.start", run.run_id)
    return AuditEntry(at=run.created_at, actor=SCHEDULE, action="run.start", target=run.run_id)


async def save_run(uow: UnitOfWork, run: Run) -> Run:
    """Write the reading side's view of a run, with the processing side's figures as they are in the store.

    Raises RunCanceledError where the run was canceled meanwhile.
    """
    current = await uow.sync.get_run(run.run_id)
    if current is None or current.state not in ACTIVE:
        raise RunCanceledError
    counts = msgspec.structs.replace(run.counts, llm_calls=current.counts.llm_calls, embedded=current.counts.embedded)
    run = msgspec.structs.replace(run, counts=counts, stalls=current.stalls)
    marks = marked(run.marks, clock.now(), run.done) if run.state is RunState.RUNNING else ()
    run = msgspec.structs.replace(run, marks=marks)
    await uow.sync.put_run(run)
    return run


async def with_progress(uow: UnitOfWork, run: Run) -> Run:
    """The run with how many of the connection's Documents are through, are left, and wait for the budget, as the store has it."""
    states = await uow.documents.counts(run.connection_id)
    waiting = await uow.documents.postponed(clock.now(), run.connection_id)
    failed = states.get(DocState.FAILED, 0)
    left = states.get(DocState.PENDING, 0) + states.get(DocState.PROCESSING, 0) - waiting
    processed = max(0, run.counts.stored - left - waiting)
    counts = msgspec.structs.replace(run.counts, to_process=left, processed=processed, waiting_for_budget=waiting, unprocessed=failed)
    return msgspec.structs.replace(run, counts=counts)


async def wake_runs(services: Services, company_id: str) -> None:
    """Let runs that wait for their Documents to be processed look at them now."""
    async with services.database.open(company_id) as uow:
        for connection in await uow.connections.list():
            run = await uow.sync.active_run(connection.connection_id)
            if run is not None and run.phase == PROCESSING:
                uow.enqueue(Job(name=JobName.SYNC_CONNECTION, company_id=company_id, subject=run.run_id))


async def add_processed(uow: UnitOfWork, connection_ids: Collection[str], *, llm_calls: int, embedded: int) -> None:
    """Add to the figures of the active runs of these connections (one run, for nearly all installations)."""
    for connection_id in connection_ids:
        run = await uow.sync.active_run(connection_id)
        if run is not None:
            counts = msgspec.structs.replace(
                run.counts, llm_calls=run.counts.llm_calls + llm_calls, embedded=run.counts.embedded + embedded
            )
            await uow.sync.put_run(msgspec.structs.replace(run, counts=counts, heartbeat_at=clock.now()))


def cursor_scope(run: Run) -> str | None:
    """None where the run moves the connection's own place, else the run's id: a full or partial read has a place of its own."""
    options = run.options
    partial = options.since is not None or options.until is not None or options.limit is not None or options.statuses
    return run.run_id if partial or options.mode is not RunMode.INCREMENTAL else None

"""Schedules: say when a connection is synced by itself, start what is due, and take up runs that gave no sign of life."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.progress import ACTIVE
from backend.core.ingest.pipeline.start import move_on, queue_run
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.job import Job, JobName
from backend.core.model.schedule import Due, Schedule, check_schedule
from backend.core.model.sync import Run, RunMode, RunOptions, RunState
from backend.core.model.tenant import AuditEntry, Caller
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services

log = structlog.get_logger()

FULL_AGAIN: Final = timedelta(days=1)
"""A complete sync that did not come to its end is not tried again by every scheduled one."""
_LOOKED_BACK: Final = 300
"""Runs that are looked at for one: a day of every five minutes."""
MAX_STALLS: Final = 3
"""A run that was taken up again so often and stalls once more has failed."""


class Scheduled(Struct, frozen=True, kw_only=True):
    """A connection's schedule with what came of it last."""

    connection: Connection
    last_run: Run | None


async def get_schedule(services: Services, company_id: str, connection_id: str) -> Scheduled:
    """When a connection is synced by itself. Raises CONNECTION_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        connection = await _get(uow, connection_id)
        return Scheduled(connection=connection, last_run=await _last_run(uow, connection_id))


async def set_schedule(services: Services, company_id: str, connection_id: str, schedule: Schedule, *, caller: Caller) -> Scheduled:
    """Follow this schedule from now on. Raises CONNECTION_NOT_FOUND, and INVALID_REQUEST with what to do."""
    try:
        check_schedule(schedule, clock.now(), services.policy.schedule_min_seconds)
    except ValueError as error:
        raise AppError(Code.INVALID_REQUEST, str(error)) from None
    async with services.database.open(company_id, write=True) as uow:
        connection = msgspec.structs.replace(await _get(uow, connection_id), schedule=schedule, next_run_at=None)
        last = await _last_run(uow, connection_id)
        if last is not None or connection.last_synced_at is not None:
            connection = move_on(connection, services.policy)
        await uow.connections.put(connection)
        details = {name: str(value) for name, value in msgspec.structs.asdict(schedule).items() if value is not None}
        entry = AuditEntry(
            at=clock.now(),
            actor=caller.actor,
            action="connection.schedule",
            target=connection_id,
            details=details | {"enabled": str(schedule.enabled).lower()},
            request_id=caller.request_id,
        )
        await uow.audit.add(entry)
    return Scheduled(connection=connection, last_run=last)


async def start_due(services: Services) -> list[Run]:
    """Start a run for each connection whose time has come, as far as there are places; the others wait for the next look.

    Any number of processes may do this at once: the one that moves a connection's time on starts its run.
    """
    policy, now = services.policy, clock.now()
    async with services.database.directory() as directory:
        due, active = await directory.due(now), await directory.active_runs()
    services.meter.level("runs_active", len(active))
    services.meter.level("schedule_due", len(due))
    mine = [run for _, run in active if run.scheduled]
    started: list[Run] = []
    for each in in_turn(due):
        under_way = [*mine, *started]
        if len(under_way) >= policy.max_runs:
            break
        may_be_full = sum(run.options.mode is RunMode.FULL for run in under_way) < policy.max_runs // 2
        try:
            run = await _start(services, each, may_be_full=may_be_full)
        except AppError as error:
            # Another tenant's run must not wait for what is wrong with this one's.
            log.warning("schedule_failed", company_id=each.company_id, code=error.code.value, message=error.message)
            continue
        if run is not None:
            started.append(run)
    return started


def in_turn(due: Sequence[Due]) -> list[Due]:
    """Tenants take turns: first the longest due connection of each, then the second of each, and so on."""
    rank: dict[str, int] = defaultdict(int)
    ranked = []
    for each in sorted(due, key=lambda one: one.at):
        ranked.append((rank[each.company_id], each))
        rank[each.company_id] += 1
    return [each for _, each in sorted(ranked, key=lambda pair: (pair[0], pair[1].at))]


async def _start(services: Services, due: Due, *, may_be_full: bool) -> Run | None:
    """Claim the connection's moment and start a run; None where somebody else did, or the last one is still under way."""
    async with services.database.open(due.company_id, write=True) as uow:
        connection, now = await uow.connections.get(due.connection_id), clock.now()
        if connection is None or connection.state is not ConnectionState.ACTIVE:
            return None
        if connection.next_run_at is None or connection.next_run_at > now:
            return None
        await uow.connections.put(move_on(connection, services.policy))
        if await uow.sync.active_run(due.connection_id) is not None:
            return None
        full = may_be_full and await _wants_full(uow, connection, services.policy.reconcile_days, now)
        mode = RunMode.FULL if full else RunMode.INCREMENTAL
        run = await queue_run(uow, connection, RunOptions(mode=mode), scheduled=True)
    services.meter.count("runs_started", 1, by="schedule", mode=mode.value)
    services.meter.observe("schedule_lag_seconds", (now - connection.next_run_at).total_seconds())
    return run


async def _wants_full(uow: UnitOfWork, connection: Connection, days: float, now: datetime) -> bool:
    """Whether it is long ago that everything was listed and compared, and no complete sync was tried just now."""
    if not days or now - (connection.reconciled_at or connection.created_at) < timedelta(days=days):
        return False
    recent = await uow.sync.list_runs(connection.connection_id, _LOOKED_BACK)
    return not any(run.options.mode is not RunMode.INCREMENTAL and now - run.created_at < FULL_AGAIN for run in recent)


async def take_up_stalled(services: Services) -> int:
    """Hand on runs that gave no sign of life for too long; one that does so again and again has failed. Returns how many.

    A run that only waits for its turn is none of them: nothing is wrong with it.
    """
    limit = clock.now() - timedelta(minutes=services.policy.stalled_minutes)
    async with services.database.directory() as directory:
        active = await directory.active_runs()
    stalled = [(company_id, run) for company_id, run in active if run.state is RunState.RUNNING and (run.heartbeat_at or limit) < limit]
    found = 0
    for company_id, run in stalled:
        job = Job(name=JobName.SYNC_CONNECTION, company_id=company_id, subject=run.run_id)
        if not await services.queue.hand_on(job):
            continue
        outcome = await _mark_stalled(services, company_id, run.run_id)
        if outcome is not None:
            services.meter.count("runs_stalled", 1, outcome=outcome)
            log.warning("run_stalled", company_id=company_id, run_id=run.run_id, outcome=outcome, silent_since=str(run.heartbeat_at))
            found += 1
    return found


async def _mark_stalled(services: Services, company_id: str, run_id: str) -> str | None:
    async with services.database.open(company_id, write=True) as uow:
        run, now = await uow.sync.get_run(run_id), clock.now()
        if run is None or run.state not in ACTIVE:
            return None
        if run.stalls < MAX_STALLS:
            await uow.sync.put_run(msgspec.structs.replace(run, stalls=run.stalls + 1, heartbeat_at=now))
            return "taken_up"
        message = (
            f"The run gave no sign of life for {services.policy.stalled_minutes:g} minutes, {MAX_STALLS + 1} times. "
            f"What it has stored stays; look for run_stalled in the log, then: desklore sync {run.connection_id}"
        )
        failed = msgspec.structs.replace(
            run, state=RunState.FAILED, phase="", finished_at=now, error_code=Code.RUN_STALLED.value, error_message=message
        )
        await uow.sync.put_run(failed)
    services.meter.count("runs", 1, state=RunState.FAILED.value)
    return "failed"


async def _last_run(uow: UnitOfWork, connection_id: str) -> Run | None:
    runs = await uow.sync.list_runs(connection_id, 1)
    return runs[0] if runs else None


async def _get(uow: UnitOfWork, connection_id: str) -> Connection:
    connection = await uow.connections.get(connection_id)
    if connection is None:
        raise AppError(Code.CONNECTION_NOT_FOUND, f"There is no connection {connection_id}; list them with GET /api/v1/connections.")
    return connection

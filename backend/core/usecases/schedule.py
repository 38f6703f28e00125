"""Syncs by the clock: say when, and start what is due."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from backend.core import clock
from backend.core.ingest.pipeline.progress import open_run
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.schedule import Schedule
from backend.core.model.sync import Run, RunMode, RunOptions
from backend.core.model.tenant import Caller
from backend.core.ports.database import UnitOfWork
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services
from backend.core.schedule import check, planned

FULL_AGAIN = timedelta(days=1)
_LOOK_AT = 200
"""Due connections looked at in one go; the others come with the next tick."""


async def set_schedule(services: Services, company_id: str, connection_id: str, schedule: Schedule | None, caller: Caller) -> Connection:
    """Sync a connection by this schedule, or (None) only when somebody asks. Raises CONNECTION_NOT_FOUND or INVALID_REQUEST."""
    if schedule is not None:
        check(schedule)
    async with services.database.open(company_id, write=True) as uow:
        connection = await connection_of(uow, connection_id)
        connection = planned(msgspec.structs.replace(connection, schedule=schedule), clock.now())
        await uow.connections.put(connection)
        told = "off" if schedule is None else schedule.cron or f"every {schedule.every_seconds} s"
        await uow.audit.add(caller.audited("connection.schedule", connection_id, schedule=told))
    return connection


async def start_due(services: Services) -> list[Run]:
    """Start the runs whose time has come, tenants in turn, as many as may be active at once; those somebody asked for don't count.

    Several schedulers may do this at the same time: who moves `next_run_at` on, starts the run. What was missed while
    nobody ticked is run once.
    """
    now = clock.now()
    async with services.database.directory() as directory:
        due = await directory.due_connections(now, _LOOK_AT)
        room = services.policy.scheduled_runs - await directory.scheduled_runs() if due else 0
    started: list[Run] = []
    for company_id, connection_id in in_turn(due):
        if len(started) >= room:
            break
        run = await _start(services, company_id, connection_id, now)
        if run is not None:
            started.append(run)
    return started


async def _start(services: Services, company_id: str, connection_id: str, now: datetime) -> Run | None:
    async with services.database.open(company_id, write=True) as uow:
        connection = await uow.connections.get(connection_id)
        if connection is None or connection.next_run_at is None or connection.next_run_at > now:
            return None
        late = now - connection.next_run_at
        await uow.connections.put(planned(connection, now))
        # One that is still being synced, or that an admin has to mend first, waits for its next turn.
        if connection.state is not ConnectionState.ACTIVE or await uow.sync.active_run(connection_id) is not None:
            return None
        mode = _mode(services, connection, now)
        if mode is RunMode.FULL and await _tried_lately(uow, connection_id, now):
            mode = RunMode.INCREMENTAL
        run = await open_run(uow, connection, RunOptions(mode=mode), caller=None)
    services.meter.count("scheduled_runs", 1, mode=run.options.mode.value)
    services.meter.observe("schedule_lag_seconds", late.total_seconds())
    return run


async def _tried_lately(uow: UnitOfWork, connection_id: str, now: datetime) -> bool:
    """Whether a complete run was begun within a day: one that can't get through must not take every small one's place."""
    recent, _ = await uow.sync.list_runs(connection_id, _LOOK_AT)
    return any(run.options.mode in (RunMode.FULL, RunMode.REFRESH) and now - run.created_at < FULL_AGAIN for run in recent)


def _mode(services: Services, connection: Connection, now: datetime) -> RunMode:
    """Everything is listed now and then, to find what vanished without a trace."""
    days = services.policy.reconcile_days
    due = days and now - (connection.reconciled_at or connection.created_at) >= timedelta(days=days)
    return RunMode.FULL if due and connection.last_synced_at is not None else RunMode.INCREMENTAL


def in_turn(due: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each tenant's first, then each tenant's second, and so on; within a round in the given order."""
    rounds: dict[str, int] = defaultdict(int)
    placed = []
    for order, (company_id, connection_id) in enumerate(due):
        placed.append((rounds[company_id], order, (company_id, connection_id)))
        rounds[company_id] += 1
    return [pair for _, _, pair in sorted(placed)]

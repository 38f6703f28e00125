"""Putting a new run of a connection into the store and its job on the way, whoever wants it."""

import msgspec

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection
from backend.core.model.job import Job, JobName
from backend.core.model.schedule import next_after
from backend.core.model.sync import Run, RunCounts, RunOptions, RunState
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Policy


async def queue_run(uow: UnitOfWork, connection: Connection, options: RunOptions, *, scheduled: bool = False) -> Run:
    """A queued run. Raises RUN_ACTIVE where the connection has one already."""
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
        created_at=clock.now(),
        scheduled=scheduled,
    )
    await uow.sync.put_run(run)
    uow.enqueue(Job(name=JobName.SYNC_CONNECTION, company_id=uow.company_id, subject=run.run_id))
    return run


async def begin_schedule(uow: UnitOfWork, connection: Connection, policy: Policy) -> None:
    """With its first sync, which somebody asks for, a connection begins to follow its schedule; later ones change nothing."""
    if connection.next_run_at is None and connection.schedule.enabled:
        await uow.connections.put(move_on(connection, policy))


def move_on(connection: Connection, policy: Policy) -> Connection:
    """The connection with the next moment of its schedule from now on, never more often than the policy allows by now."""
    schedule = connection.schedule
    if schedule.every_seconds is not None:
        schedule = msgspec.structs.replace(schedule, every_seconds=max(schedule.every_seconds, policy.schedule_min_seconds))
    following = next_after(schedule, connection.connection_id, clock.now(), policy.schedule_jitter_seconds)
    return msgspec.structs.replace(connection, next_run_at=following)

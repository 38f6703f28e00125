"""Runs that gave no sign of life for too long are handed on; one that does so again and again has failed."""

from datetime import timedelta
from typing import Final

import msgspec
import structlog

from backend.core import clock
from backend.core.errors import Code
from backend.core.ingest.pipeline.progress import ACTIVE
from backend.core.model.job import Job, JobName
from backend.core.model.sync import RunState
from backend.core.ports.services import Services

log = structlog.get_logger()

MAX_STALLS: Final = 3
"""A run that was taken up again so often and stalls once more has failed."""


async def take_up_stalled(services: Services) -> int:
    """Run the jobs of stalled runs anew, from where the store says they stood. Returns how many runs were stalled.

    The heartbeat beats while a source is read, also in a long wait for its quota: a run without one has lost its process or
    its job is stuck. A run that only waits for its turn in the queue is none of them: nothing is wrong with it.
    """
    limit = clock.now() - timedelta(minutes=services.policy.stalled_minutes)
    async with services.database.directory() as directory:
        silent = [(company_id, run) for company_id, run in await directory.running() if (run.heartbeat_at or limit) < limit]
    found = 0
    for company_id, run in silent:
        if not await services.queue.hand_on(Job(name=JobName.SYNC_CONNECTION, company_id=company_id, subject=run.run_id)):
            continue
        outcome = await _mark(services, company_id, run.run_id)
        if outcome is not None:
            services.meter.count("runs_stalled", 1, outcome=outcome)
            log.warning("run_stalled", company_id=company_id, run_id=run.run_id, outcome=outcome, silent_since=str(run.heartbeat_at))
            found += 1
    return found


async def _mark(services: Services, company_id: str, run_id: str) -> str | None:
    """`taken_up`, or `failed` after too many times; None where the run has ended meanwhile."""
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

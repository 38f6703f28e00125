"""What runs by the clock, and once at start: finding what the store says is unfinished and enqueuing it (SPEC C1)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from backend.core.clock import now
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.points import switch_when_whole, written_to
from backend.core.model.document import DocState
from backend.core.model.job import preparing, processing
from backend.core.model.sync import Run
from backend.core.ports.services import Services
from backend.core.usecases.retention import delete_old_exports, forget_old_runs
from backend.core.usecases.schedule import start_due
from backend.core.usecases.stalled import take_up_stalled
from backend.core.usecases.tenants import sweep_after
from backend.core.usecases.uploads import forget_abandoned_uploads

log = structlog.get_logger()

TICK_SECONDS = 5.0
"""How often the schedule is looked at,"""
STARTED_SECONDS = 1.0
"""and how soon after it had something to start: there may have been no room for more."""
SWEEP_SECONDS = 30.0
"""How often the store is asked; a job that is waiting or running already has no twin, so asking often is safe."""

MONTHS_SECONDS = 6 * 3600.0
"""How often logs are looked at; partitions are made months ahead, so nothing hangs on one round."""

MOST_SECONDS = 3600.0
"""Between two tries to heal what could not be healed."""

_FEW_TENANTS = 20
"""Of more than these most sleep; their indexes would be opened for nothing."""

LASTING_SECONDS = 2.0
"""A difference between store and index that others are about to settle is gone after so long, or has changed."""


_OF_SETTINGS = (Code.LLM_REQUEST_REJECTED.value,)
"""Why a Document may have failed for settings that were changed before this start; a rejected request costs nothing."""


async def heal_all(services: Services) -> None:
    """At start: heal every tenant once, what does not succeed later again. Nothing waits for it, however many there are."""
    left: Sequence[str] | None = None
    wait = SWEEP_SECONDS
    while True:
        try:
            if left is None:
                async with services.database.directory() as directory:
                    left = [tenant.company_id for tenant in await directory.list_tenants()]
                if len(left) <= _FEW_TENANTS:
                    # Briefs that were kept in the memory of the process before are gone with it.
                    await services.queue.enqueue([preparing(company_id) for company_id in left])
            left = await heal(services, left)
        except AppError as error:
            log.warning("healing_failed", code=error.code.value, message=error.message)
        if left == []:
            return
        await asyncio.sleep(wait)
        wait = min(2 * wait, MOST_SECONDS)


async def heal(services: Services, company_ids: Sequence[str]) -> list[str]:
    """Documents that the store has and the index has not are indexed anew, and those that a model rejected are tried once more.

    That is after the index was deleted, lost its last moments in a power cut, or is another one because the embedding
    model, its weight or the tokenizer was changed: then the older one is searched until the new one is whole. Summaries are
    kept, so nothing of theirs is paid for again.
    Jobs may be indexing right now, here or elsewhere, so a difference has to last. Returns those that could not be healed.
    """
    untidy = set(await services.indexes.untidy(company_ids))
    doubtful: dict[str, tuple[int, int]] = {}
    left: list[str] = []
    for company_id in company_ids:
        async with _trying(company_id, left):
            if company_id in untidy:
                await services.indexes.tidy(company_id)
            if missing := await _look(services, company_id):
                doubtful[company_id] = missing
    if doubtful:
        await asyncio.sleep(LASTING_SECONDS)
    for company_id, missing in doubtful.items():
        async with _trying(company_id, left):
            still = await _missing(services, company_id)
            if still is not None and still != missing:
                left.append(company_id)
            elif still is not None:
                async with services.database.open(company_id, write=True) as uow:
                    await uow.documents.release(indexed=True)
                    uow.enqueue(processing(company_id))
                log.warning("index_rebuilt", company_id=company_id, stored=missing[0], found=missing[1])
    return left


@asynccontextmanager
async def _trying(company_id: str, left: list[str]) -> AsyncIterator[None]:
    """What is wrong with one company's index holds up no other; without the database there is nothing to be tried."""
    try:
        yield
    except AppError as error:
        if error.code is Code.STORAGE_UNAVAILABLE:
            raise
        log.warning("healing_failed", company_id=company_id, code=error.code.value, message=error.message)
        left.append(company_id)


async def _look(services: Services, company_id: str) -> tuple[int, int] | None:
    """What `_missing` tells, where the index may lack something; where it lacks nothing, one that was built is searched."""
    async with services.database.open(company_id) as uow:
        states = await uow.documents.counts()
    if failed := states[DocState.FAILED]:
        async with services.database.open(company_id, write=True) as uow:
            retried = await uow.documents.retry(_OF_SETTINGS)
            uow.enqueue(processing(company_id))
        log.info("documents_retried", company_id=company_id, failed=failed, documents=retried)
    if states[DocState.INDEXED] <= (await services.indexes.held(company_id) or 0):
        return None
    missing = await _missing(services, company_id)
    if missing is None:
        await switch_when_whole(services, company_id)
        # Deleted meanwhile, its index was opened behind the deletion.
        await sweep_after(services, company_id)
    return missing


async def _missing(services: Services, company_id: str) -> tuple[int, int] | None:
    """How many Documents the store has as indexed and how many the index has, where those are fewer."""
    index = await written_to(services, company_id)
    _, found = await index.count()
    async with services.database.open(company_id) as uow:
        stored = (await uow.documents.counts())[DocState.INDEXED]
    return (stored, found) if found < stored else None


async def sweep(services: Services) -> None:
    """Enqueue every active run, and jobs for every tenant with something left to do."""
    async with services.database.directory() as directory:
        unfinished = await directory.unfinished()
    await services.queue.enqueue(unfinished)


async def start_due_forever(services: Services) -> None:
    """Start what is due until canceled."""
    while True:
        started: Sequence[Run] = ()
        try:
            started = await start_due(services)
            for run in started:
                log.info("run_scheduled", run_id=run.run_id, connection_id=run.connection_id, mode=run.options.mode.value)
        except AppError as error:
            log.warning("schedule_failed", code=error.code.value, message=error.message)
        await asyncio.sleep(STARTED_SECONDS if started else TICK_SECONDS)


async def keep_months_forever(services: Services) -> None:
    """At start and every few hours: partitions for the months to come; logs, runs and exports older than the settings want, and
    uploads that nobody committed, dropped."""
    while True:
        try:
            kept = await services.database.keep_months(services.policy.retention, now().date())
            if kept.made or kept.dropped:
                log.info("months_kept", made=kept.made, dropped=kept.dropped)
            if forgotten := await forget_old_runs(services):
                log.info("runs_forgotten", runs=forgotten)
            if abandoned := await forget_abandoned_uploads(services):
                log.info("uploads_forgotten", uploads=abandoned)
            if deleted := await delete_old_exports(services):
                log.info("exports_deleted", exports=deleted)
        except AppError as error:
            # Rows find room without it (docs/postgresql.md); the next round puts them right.
            log.warning("keeping_months_failed", code=error.code.value, message=error.message)
        await asyncio.sleep(MONTHS_SECONDS)


async def sweep_forever(services: Services) -> None:
    """Sweep until canceled; a database that is away for a while only delays it."""
    while True:
        try:
            await sweep(services)
            await take_up_stalled(services)
        except AppError as error:
            log.warning("sweep_failed", code=error.code.value, message=error.message)
        await services.queue.rest(SWEEP_SECONDS)

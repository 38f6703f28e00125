"""What runs by the clock: finding what the store says is unfinished and enqueuing it (SPEC C1)."""

import asyncio
from collections.abc import Sequence

import structlog

from backend.core.clock import now
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.points import switch_when_whole, written_to
from backend.core.model.document import DocState
from backend.core.model.job import preparing, processing
from backend.core.ports.services import Services
from backend.core.usecases.retention import delete_old_exports, forget_old_runs
from backend.core.usecases.schedule import start_due
from backend.core.usecases.stalled import take_up_stalled
from backend.core.usecases.tenants import sweep_after
from backend.core.usecases.uploads import forget_abandoned_uploads

log = structlog.get_logger()

TICK_SECONDS = 5.0
"""How often the schedule is looked at."""
SWEEP_SECONDS = 30.0
"""How often the store is asked; a job that is waiting or running already has no twin, so asking often is safe."""

MONTHS_SECONDS = 6 * 3600.0
"""How often logs are looked at; partitions are made months ahead, so nothing hangs on one round."""

_FEW_TENANTS = 20
"""Of more than these most sleep; their indexes would be opened for nothing."""

LASTING_SECONDS = 2.0
"""A difference between store and index that others are about to settle is gone after so long, or has changed."""


_OF_SETTINGS = (Code.LLM_REQUEST_REJECTED.value,)
"""Why a Document may have failed for settings that were changed before this start; a rejected request costs nothing."""


async def heal(services: Services) -> None:
    """After the start, beside jobs and requests: Documents that the store has and the index has not are indexed anew, and those that a
    model rejected are tried once more.

    That is after the index was deleted, lost its last moments in a power cut, or is another one because the embedding
    model, its weight or the tokenizer was changed: then the older one is searched until the new one is whole. Summaries are
    kept, so nothing of theirs is paid for again. Every tenant's index is opened for that, which takes minutes where there are a
    thousand; one that can't be healed now is tried again after a while.
    """
    left = await _until_listed(services)
    few = left if len(left) <= _FEW_TENANTS else []
    while left:
        left = await _heal_round(services, left)
        # Briefs that were kept in the memory of the process before are gone with it.
        await services.queue.enqueue([preparing(company_id) for company_id in few if company_id not in left])
        few = [company_id for company_id in few if company_id in left]
        if left:
            await asyncio.sleep(SWEEP_SECONDS)


async def _until_listed(services: Services) -> list[str]:
    while True:
        try:
            async with services.database.directory() as directory:
                return [tenant.company_id for tenant in await directory.list_tenants()]
        except AppError as error:
            log.warning("heal_failed", code=error.code.value, message=error.message)
        await asyncio.sleep(SWEEP_SECONDS)


async def _heal_round(services: Services, company_ids: Sequence[str]) -> list[str]:
    """Those of which something is left to be healed."""
    left: list[str] = []
    for number, company_id in enumerate(company_ids):
        try:
            settled = await _heal(services, company_id)
            # It may have been deleted meanwhile, and its index opened behind the deletion.
            await sweep_after(services, company_id)
        except AppError as error:
            log.warning("heal_failed", company_id=company_id, code=error.code.value, message=error.message)
            if error.code is Code.STORAGE_UNAVAILABLE:
                return [*left, *company_ids[number:]]
            settled = False
        if not settled:
            left.append(company_id)
    return left


async def _heal(services: Services, company_id: str) -> bool:
    await _retry_rejected(services, company_id)
    missing = await _missing(services, company_id)
    await services.indexes.tidy(company_id)
    if missing is None:
        await switch_when_whole(services, company_id)
        return True
    # Jobs may be indexing right now, here or elsewhere: a difference has to last.
    await asyncio.sleep(LASTING_SECONDS)
    if await _missing(services, company_id) != missing:
        return False
    async with services.database.open(company_id, write=True) as uow:
        await uow.documents.release(indexed=True)
        uow.enqueue(processing(company_id))
    log.warning("index_rebuilt", company_id=company_id, stored=missing[0], found=missing[1])
    return True


async def _retry_rejected(services: Services, company_id: str) -> None:
    async with services.database.open(company_id) as uow:
        failed = (await uow.documents.counts())[DocState.FAILED]
    if failed:
        async with services.database.open(company_id, write=True) as uow:
            retried = await uow.documents.retry(_OF_SETTINGS)
            uow.enqueue(processing(company_id))
        log.info("documents_retried", company_id=company_id, failed=failed, documents=retried)


async def _missing(services: Services, company_id: str) -> tuple[int, int] | None:
    """How many Documents the store has as indexed and how many the index has, where those are fewer."""
    index = await written_to(services, company_id)
    _, found = await index.count()
    async with services.database.open(company_id) as uow:
        stored = (await uow.documents.counts()).get(DocState.INDEXED, 0)
    return (stored, found) if found < stored else None


async def sweep(services: Services) -> None:
    """Enqueue every active run, and jobs for every tenant with something left to do."""
    async with services.database.directory() as directory:
        unfinished = await directory.unfinished()
    await services.queue.enqueue(unfinished)


async def start_due_forever(services: Services) -> None:
    """Start what is due until canceled."""
    while True:
        try:
            for run in await start_due(services):
                log.info("run_scheduled", run_id=run.run_id, connection_id=run.connection_id, mode=run.options.mode.value)
        except AppError as error:
            log.warning("schedule_failed", code=error.code.value, message=error.message)
        await asyncio.sleep(TICK_SECONDS)


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

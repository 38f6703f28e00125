"""Rebuild a connection's Documents from the archive of payloads (SPEC B4): start the run that does."""

from backend.core.ingest.pipeline.progress import open_run
from backend.core.ingest.pipeline.rebuild import remaking
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.quota import Lane
from backend.core.model.sync import Run, RunMode, RunOptions
from backend.core.model.tenant import Caller
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services


async def start_rebuild(services: Services, company_id: str, connection_id: str, *, dry_run: bool, files: bool, caller: Caller) -> Run:
    """Queue a rebuild. Raises CONNECTION_NOT_FOUND, REBUILD_UNSUPPORTED or RUN_ACTIVE.

    A paused or broken connection may be rebuilt too: the helpdesk is not asked.
    """
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
    source = await open_source(services, company_id, connection, Lane.BACKFILL)
    try:
        remaking(connection, source)
    finally:
        await source.close()
    options = RunOptions(mode=RunMode.REBUILD, streams=(), dry_run=dry_run, files=files)
    async with services.database.open(company_id, write=True) as uow:
        return await open_run(uow, await connection_of(uow, connection_id), options, caller=caller)

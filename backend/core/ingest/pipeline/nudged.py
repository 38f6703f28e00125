"""Read the items that webhooks told of: single reads, beside any run, in a lane that is served before what runs read."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from backend.core import clock, ids
from backend.core.ingest.collect import ITEMS_AT_ONCE, Page, read_refs
from backend.core.ingest.pipeline.halfway import KeptAnswers
from backend.core.ingest.pipeline.progress import RunCanceledError
from backend.core.ingest.pipeline.sources import open_source
from backend.core.ingest.pipeline.take import Taker
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.article import Visibility
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.document import FILES_LEFT, DocState, Document
from backend.core.model.quota import Lane
from backend.core.model.sync import ItemRef, Run, RunCounts, RunMode, RunOptions, RunState
from backend.core.model.webhook import Nudge
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services

COLLECT: Final = timedelta(seconds=1)
"""So long more is waited for that is told of an item: a burst becomes one read. It is also as fine as the clock that Zendesk signs
with: what changed within the second of a delivery that was taken for a repeated one is read along."""
AT_ONCE: Final = 64
_MEMORY: Final = timedelta(minutes=15)
"""Deliveries are remembered for longer than any is believed."""


class NudgeTaker(Taker):
    """A Taker without a run: what it reads counts in the metrics, and moves no cursor."""

    async def _save(self, uow: UnitOfWork, run: Run) -> Run:
        """Nothing to write; nothing is stored for a connection that was paused or deleted meanwhile."""
        connection = await uow.connections.get(run.connection_id)
        if connection is None or connection.state is not ConnectionState.ACTIVE:
            raise RunCanceledError
        return run

    def _is_quick(self) -> bool:
        return True

    async def _remember_gone(self, uow: UnitOfWork, unknown: Sequence[ItemRef]) -> None:
        """A run under way may have read it before it went, and must not bring it back: its tombstone is newer."""
        if unknown and await uow.sync.active_run(self._connection.connection_id) is not None:
            await uow.documents.put([self._tombstone(ref) for ref in unknown])

    def _tombstone(self, ref: ItemRef) -> Document:
        now = clock.now()
        return Document(
            document_id=self._document_id(ref),
            connection_id=self._connection.connection_id,
            platform=self._connection.platform,
            doc_type=ref.doc_type,
            original_id=ref.original_id,
            title="",
            parts=(),
            content_hash="",
            source_version="",
            visibility=Visibility.INTERNAL,
            presence=ref.presence,
            created_at=now,
            updated_at=now,
            state=DocState.DELETED,
            # A run may have archived it by now.
            state_reason=FILES_LEFT,
            stored_at=now,
        )


async def read_due(services: Services, company_id: str, connection: Connection) -> None:
    """Read all that was noted long enough ago. What is gone on the helpdesk goes here, what can't be read becomes a failure.

    Raises the AppError of a source that is down or rejects us; what was not read stays noted.
    """
    connection_id = connection.connection_id
    kept = KeptAnswers(services.blobs.open(company_id), connection_id)
    source = None
    try:
        while nudges := await _due(services, company_id, connection_id):
            source = source or await open_source(services, company_id, connection, Lane.WEBHOOK, halfway=kept)
            taker = NudgeTaker(services, company_id, connection, source, _no_run(connection), kept=kept)
            await _read(services, taker, connection, nudges)
            async with services.database.open(company_id) as uow:
                await uow.nudges.done(nudges)
                await uow.nudges.forget(connection_id, clock.now() - _MEMORY)
    except RunCanceledError:
        return
    finally:
        if source is not None:
            await source.close()


async def _due(services: Services, company_id: str, connection_id: str) -> list[Nudge]:
    async with services.database.open(company_id) as uow:
        return await uow.nudges.due(connection_id, clock.now() - COLLECT, AT_ONCE)


async def _read(services: Services, taker: NudgeTaker, connection: Connection, nudges: Sequence[Nudge]) -> None:
    refs = [ItemRef(doc_type=each.doc_type, original_id=each.original_id, version="") for each in nudges]
    await taker.wanted(refs)
    items, failures, gone = await read_refs(refs, taker.look_up, asyncio.Semaphore(ITEMS_AT_ONCE))
    items = await taker.complete(items)
    await taker.keep(Page[Taken](cursor=None, listed=len(refs), items=tuple(items), failures=tuple(failures), gone=tuple(gone)))
    services.meter.count("webhook_reads", len(refs), platform=connection.platform)


def _no_run(connection: Connection) -> Run:
    """What a Taker goes by: everything it is given is read, whether it seems to have changed or not."""
    return Run(
        run_id=ids.new_id("told"),
        connection_id=connection.connection_id,
        state=RunState.RUNNING,
        options=RunOptions(mode=RunMode.REFRESH),
        counts=RunCounts(),
        created_at=clock.now(),
    )

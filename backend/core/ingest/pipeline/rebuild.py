"""Make everything again of the archive of payloads, without a call to the helpdesk: what comes out otherwise is stored (SPEC B4).

Nothing is brought back that is gone, and nothing that is stored is replaced by an older copy.
See docs/decisions/0043-rebuilt-from-the-archive.md.
"""

import asyncio
from datetime import datetime
from typing import Final

import zstandard
from msgspec.structs import replace

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.attachments import Keeping
from backend.core.ingest.pipeline.archive import folder_of
from backend.core.ingest.pipeline.archived import Newest, Payload, payloads_in
from backend.core.ingest.pipeline.kept_names import names_of
from backend.core.ingest.pipeline.priced import summaries_to_pay
from backend.core.ingest.pipeline.progress import save_run, with_progress
from backend.core.ingest.pipeline.pulse import pulse
from backend.core.ingest.pipeline.remaking import Lot, Maker
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.budget import Usage
from backend.core.model.connection import Connection
from backend.core.model.document import AttachmentState, DocState, Standing
from backend.core.model.job import ALL, Job, JobName, processing
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, Rebuilt, Run, Stream
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services
from backend.core.ports.source import Remakes

PHASE: Final = "rebuilding"
_LOOKED_THROUGH: Final = 25
"""Files of the archive that are looked through between two looks at whether the run was canceled."""


async def rebuild(services: Services, company_id: str, connection: Connection, run: Run) -> Run:
    """Make all items again, file by file of the archive, from where the run stands. Raises REBUILD_UNSUPPORTED, or RunCanceledError."""
    source = await open_source(services, company_id, connection, Lane.BACKFILL)
    try:
        source = remaking(connection, source)
        names = await names_of(services.blobs.open(company_id), connection)
        if names is not None:
            source.recall(names)
        with Newest() as newest:
            rebuilder = Rebuilder(services, company_id, connection, source, run, newest=newest)
            async with pulse(rebuilder.tell_progress):
                await rebuilder.look()
                await rebuilder.go_through()
            return rebuilder.run
    finally:
        await source.close()


def remaking(connection: Connection, source: object) -> Remakes:
    """The Source, if it makes items again. Raises REBUILD_UNSUPPORTED."""
    if not isinstance(source, Remakes):
        raise AppError(
            Code.REBUILD_UNSUPPORTED,
            f"The adapter of {connection.platform} makes nothing again of what is archived; read it anew: "
            f"desklore sync {connection.connection_id} --refresh",
        )
    return source


class Rebuilder:
    """Rebuilds the Documents of one connection during one run."""

    def __init__(self, services: Services, company_id: str, connection: Connection, source: Remakes, run: Run, *, newest: Newest) -> None:
        self._services = services
        self._company_id = company_id
        self._connection = connection
        self._newest = newest
        self._blobs = services.blobs.open(company_id)
        self._files: list[str] = []
        self._turn = asyncio.Lock()
        self.run = replace(run, phase=PHASE, rebuilt=run.rebuilt or Rebuilt())
        """The run with its counts, as it was last saved."""
        anew = newest.first_time if run.options.files else _never
        keeping = Keeping(
            platform=connection.platform, blobs=self._blobs, extractor=services.extractor, anew=anew, keep=not run.options.dry_run
        )
        self._maker = Maker(services, company_id, connection, source, keeping)

    async def look(self) -> None:
        """Find out which payload of each item is the newest: all files of the archive are looked through once."""
        self._files = await self._blobs.list(folder_of(self._connection))
        damaged = 0
        for number, key in enumerate(self._files):
            packed = await self._blobs.get(key)
            try:
                await asyncio.to_thread(self._newest.see, number, payloads_in(packed or b"", key) if packed else ())
            except zstandard.ZstdError:
                damaged += 1
            if number % _LOOKED_THROUGH == 0:
                await self.tell_progress()
        counts = replace(self.run.counts, expected=await asyncio.to_thread(self._newest.count))
        self.run = replace(self.run, counts=counts, rebuilt=replace(self._so_far, damaged=damaged))
        await self.tell_progress()

    async def go_through(self) -> None:
        """Make what each file has the newest of; the place is kept in the same transaction as what comes of it."""
        async with self._services.database.open(self._company_id) as uow:
            cursor = await uow.sync.get_cursor(self.run.connection_id, Stream.TICKETS, self.run.run_id)
        after = "" if cursor is None else str(cursor.position.get("after", ""))
        for number, key in enumerate(self._files):
            if key > after:
                lot = await self._maker.make(await self._newest_in(number, key))
                await self._keep(lot, key)

    async def tell_progress(self) -> None:
        """Write how far the run is. Raises RunCanceledError where it was canceled."""
        async with self._turn, self._services.database.open(self._company_id, write=True) as uow:
            run = await with_progress(uow, replace(self.run, heartbeat_at=clock.now()))
            self.run = await save_run(uow, run)

    @property
    def _so_far(self) -> Rebuilt:
        return self.run.rebuilt or Rebuilt()

    async def _newest_in(self, number: int, key: str) -> list[Payload]:
        """None where the file is gone, or can't be read: that was counted before."""
        packed = await self._blobs.get(key)
        try:
            return [] if packed is None else await asyncio.to_thread(lambda: self._newest.of(number, payloads_in(packed, key)))
        except zstandard.ZstdError:
            return []

    async def _keep(self, lot: Lot, key: str) -> None:
        """Write what changed, the place and the run, all or nothing. Raises RunCanceledError where it was canceled."""
        dry = self.run.options.dry_run
        documents = [each.document for each in lot.changed]
        summaries = self._so_far.summaries
        if dry and documents:
            summaries += await summaries_to_pay(self._services, self._company_id, documents)
        async with self._turn, self._services.database.open(self._company_id, write=True) as uow:
            if not dry:
                await self._put(uow, lot)
            await uow.sync.put_cursor(self.run.connection_id, Cursor(stream=Stream.TICKETS, position={"after": key}), self.run.run_id)
            self.run = await save_run(uow, replace(self._counted(lot), rebuilt=_added(self._so_far, lot, summaries)))
        outcomes = {"unchanged": lot.same, "stored": 0 if dry else len(lot.changed), "failed": len(lot.failures)}
        for outcome, amount in outcomes.items():
            self._services.meter.count("run_items", amount, outcome=outcome)

    async def _put(self, uow: UnitOfWork, lot: Lot) -> None:
        """Store what is another than it was, unless somebody has stored a newer copy meanwhile."""
        standing = await uow.documents.standing([each.document.document_id for each in lot.changed]) if lot.changed else {}
        # Whoever writes a copy writes when: one of the same moment is still the one that was looked at.
        kept = [each for each in lot.changed if _stands(standing.get(each.document.document_id), each.was)]
        lot.newer += len(lot.changed) - len(kept)
        lot.changed = kept
        if failures := [*lot.failures, *(each.retry for each in kept if each.retry is not None)]:
            await uow.sync.put_failures(self.run.connection_id, failures)
        if not kept:
            return
        await uow.documents.put([each.document for each in kept])
        files = [file for each in kept for file in each.files]
        if files:
            await uow.attachments.put(files)
        uow.enqueue(processing(self._company_id))
        if any(file.state is AttachmentState.WAITING for file in files):
            uow.enqueue(Job(name=JobName.READ_PICTURES, company_id=self._company_id, subject=ALL))

    def _counted(self, lot: Lot) -> Run:
        counts = self.run.counts
        counts = replace(
            counts,
            listed=counts.listed + lot.looked_at,
            unchanged=counts.unchanged + lot.same + lot.newer + lot.gone + lot.incomplete,
            stored=counts.stored + (0 if self.run.options.dry_run else len(lot.changed)),
            failed=counts.failed + len(lot.failures),
        )
        return replace(self.run, counts=counts, heartbeat_at=clock.now())


def _added(so_far: Rebuilt, lot: Lot, summaries: Usage) -> Rebuilt:
    return replace(
        so_far,
        changed=so_far.changed + len(lot.changed),
        newer=so_far.newer + lot.newer,
        gone=so_far.gone + lot.gone,
        incomplete=so_far.incomplete + lot.incomplete,
        summaries=summaries,
    )


def _stands(standing: Standing | None, was: datetime) -> bool:
    return standing is not None and standing.state is not DocState.DELETED and standing.stored_at == was


def _never(_: str) -> bool:
    return False

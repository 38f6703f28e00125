"""From a Source into the store: read what changed, keep it, move the cursor in the same transaction."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import lru_cache, partial
from itertools import groupby
from typing import Final

import msgspec

from backend.core import clock, ids
from backend.core.ingest.attachments import Reader, ReadFile, read_attachments, refuse_unread
from backend.core.ingest.changes import content_hash_of
from backend.core.ingest.collect import Page, Together
from backend.core.ingest.pipeline.files import attachments_of, retry_of
from backend.core.ingest.pipeline.gone import mark_gone
from backend.core.ingest.pipeline.halfway import KeptAnswers
from backend.core.ingest.pipeline.kept_names import Archiving
from backend.core.ingest.pipeline.lots import merge_taken, read_lot
from backend.core.ingest.pipeline.making import Making
from backend.core.ingest.pipeline.newer import read_once_more, sort_out
from backend.core.ingest.pipeline.person import Arrivals, scrub_failures, scrub_files
from backend.core.ingest.pipeline.progress import cursor_scope, is_quick, save_run, with_progress
from backend.core.ingest.pipeline.taken import Taken, settled
from backend.core.ingest.pipeline.tally import counted, with_quota
from backend.core.model.article import Article
from backend.core.model.connection import Connection
from backend.core.model.document import AttachmentFile, AttachmentState, DocType, Document, PackedDocument
from backend.core.model.job import ALL, Job, JobName, processing
from backend.core.model.sync import Fetched, HeldDeletion, ItemFailure, ItemRef, Run, RunMode
from backend.core.model.ticket import Ticket
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services
from backend.core.ports.source import BulkSource, Source, SourceQuota

_IDS_AT_HAND: Final = 20_000
"""Of the pages that are under way."""


class Taker:
    """Takes the items of one connection during one run; streams are read side by side and kept one page at a time."""

    def __init__(self, services: Services, company_id: str, connection: Connection, source: Source, run: Run, *, kept: KeptAnswers) -> None:
        self._services = services
        self._company_id = company_id
        self._connection = connection
        self.run = run
        """The run with its counts, as it was last saved."""
        self.refused: set[str] = set()
        """Streams that the credentials may not read."""
        self.unread: dict[DocType, dict[str, str]] = {}
        """What could not be listed: the mark in the versions of its items -> what an admin is told."""
        self._turn = asyncio.Lock()
        self._arrivals = Arrivals(services, company_id)
        self._blobs = services.blobs.open(company_id)
        self._source = source
        self._kept = kept
        self._archive = Archiving(self._blobs, connection, source)
        self._quota = SourceQuota()
        self._hashes: dict[str, str] = {}
        """Content hashes of the listed items that are stored already, until they are read."""
        self._files: dict[str, list[AttachmentFile]] = {}
        """Their attachments, likewise."""
        # On its way into the store an item is asked for its id some five times.
        self._id_of = lru_cache(_IDS_AT_HAND)(partial(ids.document_id, company_id, connection.platform))
        self._reader = Reader(
            platform=connection.platform,
            source=source,
            blobs=self._blobs,
            extractor=services.extractor,
            max_bytes=services.policy.attachment_max_bytes,
        )

    async def wanted(self, refs: Sequence[ItemRef]) -> list[ItemRef]:
        """Of the listed items those whose version is not stored yet."""
        known: dict[tuple[DocType, str], tuple[str, str]] = {}
        await self._arrivals.look()
        async with self._services.database.open(self._company_id) as uow:
            for doc_type, group in groupby(sorted(refs, key=_by_type), key=_by_type):
                found = await uow.documents.versions(self._connection.connection_id, doc_type, [ref.original_id for ref in group])
                known |= {(doc_type, original_id): version for original_id, version in found.items()}
            again = self.run.options.mode is RunMode.REFRESH
            changed = [ref for ref in refs if again or known.get((ref.doc_type, ref.original_id), ("", ""))[0] != ref.version]
            stored = {self._document_id(ref): known[key] for ref in changed if (key := (ref.doc_type, ref.original_id)) in known}
            files = await uow.attachments.of(list(stored)) if stored else []
        # One that was taken on the spot, without its attachments, has no version yet and is read whole.
        self._hashes |= {document_id: content_hash for document_id, (version, content_hash) in stored.items() if version}
        for file in files:
            self._files.setdefault(file.document_id, []).append(file)
        return changed

    async def read_together(self, refs: Sequence[ItemRef]) -> Together[Taken]:
        """Tickets that the source has at hand, made and merged together; those with files are left to be read one by one."""
        if not isinstance(self._source, BulkSource):
            return Together(left=tuple(refs))
        making = Making(
            company_id=self._company_id,
            connection_id=self._connection.connection_id,
            platform=self._connection.platform,
            statuses=self.run.options.statuses,
            now=clock.now(),
            pack=self._services.database.pack,
            erased=self._arrivals.marks,
        )
        # In a first sync none is stored, and none is asked for its id here.
        hashes = [self._hashes.get(self._document_id(ref)) for ref in refs] if self._hashes else [None] * len(refs)
        with self._services.meter.stage("collect"):
            return await read_lot(self._services.compute, self._source, making, refs, hashes)

    async def read(self, ref: ItemRef) -> Taken:
        """One item, with attachments, merged. Raises AppError where it can't be read."""
        told_at = ref.told_at or clock.now()
        with self._services.meter.stage("collect"):
            fetched = await self._source.fetch(ref)
        return await self._make(ref, told_at, fetched, self._hashes.pop(self._document_id(ref), None))

    async def read_again(self, ref: ItemRef) -> Taken:
        """As `read`, and also where the content is what is stored: something of it was missing the last time."""
        told_at = clock.now()
        await self._arrivals.look()
        fetched = await self._source.fetch(ref)
        async with self._services.database.open(self._company_id) as uow:
            self._files[self._document_id(ref)] = await uow.attachments.of([self._document_id(ref)])
        if not ref.version:
            ref = msgspec.structs.replace(ref, version=fetched.item.updated_at.isoformat())
        return await self._make(ref, told_at, fetched, None)

    async def look_up(self, ref: ItemRef) -> Taken:
        """One that a complete listing left out, if it is still there."""
        told_at = clock.now()
        fetched = await self._source.fetch(ref)
        ref = msgspec.structs.replace(ref, version=fetched.item.updated_at.isoformat())
        return await self._make(ref, told_at, fetched, self._hashes.pop(self._document_id(ref), None))

    async def complete(self, items: Sequence[Taken]) -> list[Taken]:
        """Merge the items of a page that are not merged yet, one Document each, beside the event loop."""
        with self._services.meter.stage("merge"):
            return await merge_taken(self._services.compute, self._company_id, self._connection, items)

    async def keep(self, page: Page[Taken], phase: str = "", *, sweep: bool = False) -> None:
        """Store a page and move the cursor, all or nothing; with `sweep` also remember whom the listing named.

        What somebody else has stored a newer copy of is left out. What is gone leaves the index first: should we be killed
        in between, the page is simply taken again. Raises RunCanceledError where the run was canceled.
        """
        async with self._turn:
            await self._archive.keep(self.run, page.items, self._arrivals.marks)
            removed = await self._leave_index(page.gone)
            with self._services.meter.stage("store"):
                left, deleted = await self._store(page, phase, sweep=sweep, removed=removed)
            await self._kept.drop([*(taken.ref for taken in page.items), *page.gone])
            await self._stay_out(deleted)
        stored = sum(taken.document is not None for taken in left.items)
        self._tell(left, stored=stored, deleted=len(deleted))

    async def tell_progress(self) -> None:
        """Write how far the run is and how the quota stands, between two pages. Raises RunCanceledError where it was canceled."""
        async with self._turn, self._services.database.open(self._company_id, write=True) as uow:
            run = await with_progress(uow, msgspec.structs.replace(self.run, heartbeat_at=clock.now()))
            self.run = await save_run(uow, msgspec.structs.replace(run, counts=with_quota(run.counts, self._source.quota)))

    async def hold(self, held: Sequence[HeldDeletion]) -> None:
        """Keep deletions for an admin to decide on."""
        async with self._turn, self._services.database.open(self._company_id, write=True) as uow:
            await uow.sweeps.hold(self._connection.connection_id, held)
            counts = msgspec.structs.replace(self.run.counts, held=self.run.counts.held + len(held))
            self.run = await save_run(uow, msgspec.structs.replace(self.run, counts=counts))

    async def _leave_index(self, gone: Sequence[ItemRef]) -> set[str]:
        """Take out of the index what is gone by all that is known now; returns which Documents that was."""
        if not gone:
            return set()
        async with self._services.database.open(self._company_id) as uow:
            standing = await uow.documents.standing([self._document_id(ref) for ref in gone])
        page = Page[Taken](cursor=None, items=(), failures=(), gone=tuple(gone))
        removed = {self._document_id(ref) for ref in sort_out(page, standing, self._document_id).page.gone}
        await (await self._services.indexes.open(self._company_id)).delete(list(removed))
        return removed

    async def _stay_out(self, deleted: Sequence[str]) -> None:
        """What was deleted may have been indexed just before; what came back just now is indexed anew."""
        if not deleted:
            return
        await (await self._services.indexes.open(self._company_id)).delete(list(deleted))
        async with self._services.database.open(self._company_id, write=True) as uow:
            if await uow.documents.reindex(deleted):
                uow.enqueue(processing(self._company_id, quick=self._is_quick()))

    def _is_quick(self) -> bool:
        """Whether the processing of what was stored goes before that of long syncs."""
        return is_quick(self._connection, self.run.options)

    async def _store(self, page: Page[Taken], phase: str, *, sweep: bool, removed: AbstractSet[str]) -> tuple[Page[Taken], list[str]]:
        """Write a page, the cursor and the run in one transaction; returns what was written, and what was marked as deleted."""
        async with self._services.database.open(self._company_id, write=True) as uow:
            document_ids = [*(taken.document_id(self._document_id) for taken in page.items), *map(self._document_id, page.gone)]
            standing = await uow.documents.standing(document_ids)
            kept = sort_out(page, standing, self._document_id)
            page = kept.page
            await read_once_more(uow, self._connection.connection_id, kept.overtaken)
            documents = [taken.document for taken in page.items if taken.document is not None]
            await self._put(uow, page.items, documents, scrub_failures(self._arrivals.marks, page.failures))
            deleted = await mark_gone(uow, self._connection.connection_id, page.gone)
            await self._remember_gone(uow, [ref for ref in page.gone if self._document_id(ref) not in standing])
            run = counted(self.run, page, self._source.quota, stored=len(documents), deleted=len(deleted))
            run = msgspec.structs.replace(run, phase=phase or run.phase)
            if sweep:
                await uow.sweeps.sight(run.connection_id, run.run_id, page.named)
            if page.cursor is not None:
                await uow.sync.put_cursor(self._connection.connection_id, page.cursor, cursor_scope(run))
            run = await self._save(uow, run)
            spared = await uow.documents.reindex(removed & {self._document_id(ref) for ref in kept.overtaken})
            if documents or deleted or spared:
                uow.enqueue(processing(self._company_id, quick=self._is_quick()))
            if any(each.file.state is AttachmentState.WAITING for taken in page.items for each in taken.files):
                uow.enqueue(Job(name=JobName.READ_PICTURES, company_id=self._company_id, subject=ALL))
        self.run = run
        return page, deleted

    async def _remember_gone(self, uow: UnitOfWork, unknown: Sequence[ItemRef]) -> None:
        """Items that are gone and were never stored: nothing is known of them, and nothing has to be."""

    async def _save(self, uow: UnitOfWork, run: Run) -> Run:
        """Write how the run goes. Raises RunCanceledError where it was canceled."""
        return await save_run(uow, run)

    async def _make(self, ref: ItemRef, told_at: datetime, fetched: Fetched, known_hash: str | None) -> Taken:
        fetched, names = await self._arrivals.item(fetched)
        item, raw = fetched.item, fetched.raw
        if isinstance(item, Ticket) and self.run.options.statuses and item.status.value not in self.run.options.statuses:
            return Taken(ref=ref, told_at=told_at, changed_at=item.updated_at, item=None, asked_for=False, raw=raw)
        ref = settled(ref, item)
        if known_hash is not None:
            with self._services.meter.stage("merge"):
                same = content_hash_of(item) == known_hash
            if same:
                return Taken(ref=ref, told_at=told_at, changed_at=item.updated_at, same_as=known_hash, item=None, raw=raw)
        document_id = self._document_id(ref)
        files = scrub_files(self._arrivals.marks, names, await self._read_files(ref, item, document_id))
        refuse_unread(files)
        missing = next((file.file for file in files if file.may_work_later), None)
        return Taken(
            ref=ref,
            told_at=told_at,
            changed_at=item.updated_at,
            item=item,
            files=tuple(files),
            raw=raw,
            retry=None if missing is None else retry_of(ref, missing),
        )

    async def _read_files(self, ref: ItemRef, item: Ticket | Article, document_id: str) -> list[ReadFile]:
        known = self._files.pop(document_id, [])
        every = attachments_of(item)
        if not every:
            return []
        with self._services.meter.stage("attachments"):
            return await read_attachments(self._reader, ref, every, document_id=document_id, known=known)

    async def _put(
        self, uow: UnitOfWork, items: Sequence[Taken], documents: Sequence[Document | PackedDocument], failures: Sequence[ItemFailure]
    ) -> None:
        connection_id = self._connection.connection_id
        if documents:
            await uow.documents.put(documents)
        if files := [each.file for taken in items for each in taken.files]:
            await uow.attachments.put(files)
        if touched := {self._document_id(t.ref): t for t in items if t.document is None and t.asked_for}:
            versions = {document_id: taken.ref.version for document_id, taken in touched.items()}
            changed = {document_id: taken.changed_at for document_id, taken in touched.items()}
            await uow.documents.touch(versions, changed, clock.now())
        for doc_type, group in groupby(sorted(items, key=lambda taken: taken.ref.doc_type), key=lambda taken: taken.ref.doc_type):
            await uow.sync.clear_failures(connection_id, doc_type, [taken.ref.original_id for taken in group])
        if again := [*failures, *(taken.retry for taken in items if taken.retry is not None)]:
            await uow.sync.put_failures(connection_id, again)

    def _tell(self, page: Page[Taken], *, stored: int, deleted: int) -> None:
        outcomes = {"listed": page.listed, "unchanged": page.unchanged, "stored": stored, "deleted": deleted, "failed": len(page.failures)}
        for outcome, amount in outcomes.items():
            self._services.meter.count("run_items", amount, outcome=outcome)
        before, self._quota = self._quota, (quota := self._source.quota)
        platform = self._connection.platform
        self._services.meter.count("source_calls", quota.calls - before.calls, platform=platform)
        self._services.meter.count("source_wait_seconds", quota.waited_seconds - before.waited_seconds, platform=platform)
        for taken in page.items:
            for each in taken.files:
                self._services.meter.count("attachments", 1, state=each.file.state.value)

    def _document_id(self, ref: ItemRef) -> str:
        return self._id_of(ref.doc_type, ref.original_id)


def _by_type(ref: ItemRef) -> DocType:
    return ref.doc_type

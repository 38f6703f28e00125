"""Read a connection's source into the store: what failed before, every stream, then what is missing."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.collect import ITEMS_AT_ONCE, Page, collect, read_refs
from backend.core.ingest.pipeline.compact import compact_when_due
from backend.core.ingest.pipeline.erase import erase_leftovers
from backend.core.ingest.pipeline.halfway import KeptAnswers
from backend.core.ingest.pipeline.progress import RunCanceledError, cursor_scope
from backend.core.ingest.pipeline.pulse import pulse
from backend.core.ingest.pipeline.reconcile import reconcile
from backend.core.ingest.pipeline.sources import open_source
from backend.core.ingest.pipeline.take import Taker
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, ItemFailure, ItemRef, Run, RunMode, RunOptions, Stream
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services
from backend.core.ports.source import Remarks, Source

SWEPT = {Stream.TICKETS: DocType.TICKET, Stream.ARTICLES: DocType.ARTICLE}
"""What a stream names."""
LEAST_FAILURES = 10
"""Fewer failed items than this never fail a run, whatever their share."""


async def read_source(services: Services, company_id: str, connection: Connection, run: Run) -> Run:
    """Read what failed before, then every stream to its end; deletions last, when everything they may concern is there."""
    kept = KeptAnswers(services.blobs.open(company_id), connection.connection_id)
    source = await open_source(services, company_id, connection, _lane(connection, run), halfway=kept)
    try:
        taker = Taker(services, company_id, connection, source, run, kept=kept)
        async with pulse(taker.tell_progress):
            await _retry_failures(services, company_id, taker)
            asked = () if run.options.mode is RunMode.FAILURES else run.options.streams
            streams = [stream for stream in asked if stream in source.capabilities.streams]
            for together in ([stream for stream in streams if stream is not Stream.DELETIONS], [Stream.DELETIONS]):
                await read_streams(services, company_id, taker, source, [stream for stream in together if stream in streams])
            reconciled = await _reconcile(services, company_id, taker)
            await erase_leftovers(services, company_id, connection)
            compacted = bool(asked) and await compact_when_due(services, company_id, connection, taker.tell_progress)
        await kept.clear()
    finally:
        await source.close()
    async with services.database.open(company_id, write=True) as uow:
        current = await uow.connections.get(connection.connection_id)
        if current is not None and run.options.mode is not RunMode.FAILURES:
            now = clock.now()
            reconciled_at = now if DocType.TICKET in reconciled else current.reconciled_at
            compacted_at = now if compacted else current.compacted_at
            changed = msgspec.structs.replace(current, last_synced_at=now, reconciled_at=reconciled_at, compacted_at=compacted_at)
            await uow.connections.put(changed)
    remarks = [*source.remarks] if isinstance(source, Remarks) else []
    remarks += [message for marks in taker.unread.values() for message in marks.values() if message]
    refused = tuple(sorted(source.unreadable | taker.refused))
    return msgspec.structs.replace(taker.run, unreadable=refused, remarks=tuple(remarks))


def _lane(connection: Connection, run: Run) -> Lane:
    """The first sync reads everything too, whatever it is called; few items that somebody waits for go with what changed."""
    if run.options.mode is RunMode.FAILURES:
        return Lane.INCREMENTAL
    everything = run.options.mode is not RunMode.INCREMENTAL or connection.last_synced_at is None
    return Lane.BACKFILL if everything else Lane.INCREMENTAL


async def _reconcile(services: Services, company_id: str, taker: Taker) -> list[DocType]:
    """After complete listings, and after the deletions that the helpdesk tells of itself: what is missing still?"""
    swept = []
    for doc_type in SWEPT.values():
        async with services.database.open(company_id) as uow:
            if await uow.sweeps.under_way(taker.run.connection_id, taker.run.run_id, doc_type):
                swept.append(doc_type)
    for doc_type in swept:
        await reconcile(services, company_id, taker, doc_type)
    return swept


async def _retry_failures(services: Services, company_id: str, taker: Taker) -> None:
    """Items that could not be taken before come first (SPEC A9): some of them, longest ago first, or all where that was asked for."""
    began = clock.now()
    while failures := await _failures(services, company_id, taker.run, began):
        refs = [ItemRef(doc_type=f.doc_type, original_id=f.original_id, version="", hint=f.hint) for f in failures]
        items, failed, gone = await read_refs(refs, taker.read_again, asyncio.Semaphore(ITEMS_AT_ONCE))
        items = await taker.complete(items)
        page = Page[Taken](cursor=None, listed=len(refs), items=tuple(items), failures=tuple(failed), gone=tuple(gone), again=True)
        await taker.keep(page)
        if taker.run.options.mode is not RunMode.FAILURES:
            return


async def _failures(services: Services, company_id: str, run: Run, began: datetime) -> list[ItemFailure]:
    """The next ones, of which none was tried since the run began."""
    async with services.database.open(company_id) as uow:
        if not run.options.items:
            oldest, _ = await uow.sync.list_failures(run.connection_id, before=began)
            return oldest
        found = [await uow.sync.get_failure(run.connection_id, doc_type, original_id) for doc_type, original_id in run.options.items]
    return [failure for failure in found if failure is not None and failure.at < began]


async def read_streams(services: Services, company_id: str, taker: Taker, source: Source, streams: Sequence[Stream]) -> None:
    """Read streams side by side, from where the run stands; the first error stops them all."""
    try:
        async with asyncio.TaskGroup() as group:
            for stream in streams:
                group.create_task(_read_if_allowed(services, company_id, taker, source, stream))
    except* (AppError, RunCanceledError) as errors:
        raise errors.exceptions[0] from None


async def _read_if_allowed(services: Services, company_id: str, taker: Taker, source: Source, stream: Stream) -> None:
    """Read a stream; credentials that may not see the articles still bring the tickets."""
    try:
        await _read_stream(services, company_id, taker, source, stream)
    except AppError as error:
        if stream is not Stream.ARTICLES or error.code not in (Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_PLAN_MISSING):
            raise
        taker.refused.add(stream.value)
        async with services.database.open(company_id, write=True) as uow:
            # A listing that was cut short proves nothing.
            await uow.sweeps.end(taker.run.connection_id, SWEPT[stream])


async def _read_stream(services: Services, company_id: str, taker: Taker, source: Source, stream: Stream) -> None:
    """Read one stream, to its end or to the limit."""
    run = taker.run
    options, scope = run.options, cursor_scope(run)
    async with services.database.open(company_id, write=True) as uow:
        cursor = await uow.sync.get_cursor(run.connection_id, stream, scope)
        sweep = await _begin_sweep(uow, source, run, stream, cursor)
    listed = 0
    pages = collect(source, cursor or Cursor(stream=stream), options, taker)
    async with aclosing(pages):
        async for page in pages:
            if page.anew:
                sweep = await _begin_anew(services, company_id, source, run, stream)
            await taker.keep(page, stream.value, sweep=sweep)
            if stream in SWEPT:
                taker.unread.setdefault(SWEPT[stream], {}).update({each.mark: each.message for each in page.unread})
            _check_failures(services, taker.run)
            cursor = page.cursor
            listed += page.listed
            if options.limit is not None and listed >= options.limit:
                break
    if scope is not None and _moves_place(options) and cursor is not None:
        async with services.database.open(company_id, write=True) as uow:
            await uow.sync.put_cursor(run.connection_id, cursor)


async def _begin_sweep(uow: UnitOfWork, source: Source, run: Run, stream: Stream, cursor: Cursor | None) -> bool:
    """Whether this read of the stream names everything there is, from its very beginning on."""
    doc_type = SWEPT.get(stream)
    if doc_type is None or not _is_complete(source, run, stream):
        return False
    # An incremental run names the tickets that changed; articles are listed whole every time.
    everything = stream is not Stream.TICKETS or run.options.mode is not RunMode.INCREMENTAL
    if everything and (cursor is None or not cursor.position):
        await uow.sweeps.begin(run.connection_id, run.run_id, doc_type)
    return await uow.sweeps.under_way(run.connection_id, run.run_id, doc_type)


async def _begin_anew(services: Services, company_id: str, source: Source, run: Run, stream: Stream) -> bool:
    """A sweep for a listing of everything that the source began by itself; whether there is one."""
    doc_type = SWEPT.get(stream)
    if doc_type is None or not _is_complete(source, run, stream):
        return False
    async with services.database.open(company_id, write=True) as uow:
        await uow.sweeps.begin(run.connection_id, run.run_id, doc_type)
    return True


def _is_complete(source: Source, run: Run, stream: Stream) -> bool:
    return stream in source.capabilities.complete and _moves_place(run.options)


def _moves_place(options: RunOptions) -> bool:
    """A full read of everything is also where the next incremental run starts; a partial one is not, nor one of an export."""
    return (
        options.mode is not RunMode.IMPORT
        and options.since is None
        and options.until is None
        and options.limit is None
        and not options.statuses
    )


def _check_failures(services: Services, run: Run) -> None:
    """Fails a run that can't take too large a share of what it looked at; what is in quarantine already says nothing of this one."""
    counts = run.counts
    failed = counts.failed - counts.failed_again
    tried = counts.stored + counts.unchanged + failed
    if failed >= LEAST_FAILURES and failed > services.policy.failed_share * tried:
        raise AppError(
            Code.RUN_FAILED_ITEMS,
            f"{failed} of {tried} items could not be taken; see them with `desklore failures list {run.connection_id}`. "
            "They are tried again by the next run.",
        )

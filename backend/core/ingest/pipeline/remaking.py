"""Items made again of their payloads, and compared with what is stored of them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from backend.core import clock, ids
from backend.core.errors import AppError, Code
from backend.core.ingest.attachments import Keeping, stored_attachments
from backend.core.ingest.pipeline.archived import Payload
from backend.core.ingest.pipeline.files import attachments_of, retry_of
from backend.core.ingest.pipeline.lots import merge_taken
from backend.core.ingest.pipeline.person import Arrivals, scrub_files
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.document import AttachmentFile, DocState, Document
from backend.core.model.sync import ItemFailure, ItemRef
from backend.core.ports.services import Services
from backend.core.ports.source import Remakes


class Change(Struct, frozen=True, kw_only=True):
    """A Document that comes out otherwise than it is stored."""

    document: Document
    files: tuple[AttachmentFile, ...]
    retry: ItemFailure | None
    """One of its files was never fetched."""
    was: datetime
    """When the copy was stored that it was compared with."""


class Lot(Struct, kw_only=True):
    """What became of the payloads of one file of the archive."""

    looked_at: int = 0
    changed: list[Change] = []
    same: int = 0
    newer: int = 0
    gone: int = 0
    incomplete: int = 0
    failures: list[ItemFailure] = []


class Maker:
    """Makes items of one connection again."""

    def __init__(self, services: Services, company_id: str, connection: Connection, source: Remakes, keeping: Keeping) -> None:
        self._services = services
        self._company_id = company_id
        self._connection = connection
        self._source = source
        self._keeping = keeping
        self._arrivals = Arrivals(services, company_id)

    async def make(self, payloads: Sequence[Payload]) -> Lot:
        """What became of these payloads, each the newest of its item. Nothing of it is written."""
        lot = Lot(looked_at=len(payloads))
        by_id = {ids.document_id(self._company_id, self._connection.platform, each.doc_type, each.original_id): each for each in payloads}
        await self._arrivals.look()
        async with self._services.database.open(self._company_id) as uow:
            stored = await uow.documents.get_many(list(by_id))
            files: dict[str, list[AttachmentFile]] = {}
            for file in await uow.attachments.of(list(stored)) if stored else []:
                files.setdefault(file.document_id, []).append(file)
        made: list[Taken] = []
        for document_id, payload in by_id.items():
            taken = await self._one(lot, payload, stored.get(document_id), files.get(document_id, []))
            if taken is not None:
                made.append(taken)
        with self._services.meter.stage("merge"):
            merged = await merge_taken(self._services.compute, self._company_id, self._connection, made)
        for taken in merged:
            document = taken.document
            assert isinstance(document, Document)  # noqa: S101 - every one of them had an item
            before = stored[document.document_id]
            document = _as_stored(document, before)
            read = tuple(each.file for each in taken.files)
            if _is_same(document, before) and all(file in files.get(document.document_id, []) for file in read):
                lot.same += 1
            else:
                lot.changed.append(Change(document=document, files=read, retry=taken.retry, was=before.stored_at))
        return lot

    async def _one(self, lot: Lot, payload: Payload, stored: Document | None, known: Sequence[AttachmentFile]) -> Taken | None:
        """One item made again, unless it is to be left alone; `lot` counts why."""
        if stored is None or stored.state is DocState.DELETED or stored.connection_id != self._connection.connection_id:
            lot.gone += 1
            return None
        ref = ItemRef(doc_type=payload.doc_type, original_id=payload.original_id, version=payload.version, told_at=payload.told_at)
        try:
            fetched, names = await self._arrivals.item(await self._source.remake(ref, payload.raw))
            item = fetched.item
        except AppError as error:
            if error.code is Code.ARCHIVE_INCOMPLETE:
                lot.incomplete += 1
            else:
                failure = ItemFailure(
                    doc_type=ref.doc_type, original_id=ref.original_id, code=error.code, message=error.message, at=clock.now()
                )
                lot.failures.append(failure)
            return None
        changed_at = payload.changed_at or item.updated_at
        # One that was taken on the spot has no version, and is read whole by the next sync.
        if not stored.source_version or (changed_at < stored.updated_at and payload.told_at < stored.stored_at):
            lot.newer += 1
            return None
        every = attachments_of(item)
        files = await stored_attachments(self._keeping, every, document_id=stored.document_id, known=known)
        files = scrub_files(self._arrivals.marks, names, files)
        there = {file.original_id for file in known}
        missing = next((each.file for each in files if each.file.original_id not in there), None)
        return Taken(
            ref=ref,
            told_at=payload.told_at,
            changed_at=changed_at,
            item=item,
            files=tuple(files),
            raw=b"",
            retry=None if missing is None else retry_of(ref, missing),
        )


def _as_stored(made: Document, before: Document) -> Document:
    """As old as the stored copy, and in its version, unless the archive has a later one: nobody was asked anew."""
    if made.updated_at > before.updated_at:
        return made
    return replace(made, source_version=before.source_version, stored_at=before.stored_at)


def _is_same(made: Document, before: Document) -> bool:
    """Whether there is nothing to write, summarize or index."""
    return before == replace(
        made,
        state=before.state,
        state_reason=before.state_reason,
        error_code=before.error_code,
        attempts=before.attempts,
        next_try_at=before.next_try_at,
        summary=before.summary,
        internal_summary=before.internal_summary,
        indexed_at=before.indexed_at,
    )

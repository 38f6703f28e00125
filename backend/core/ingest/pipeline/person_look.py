"""Everything that is held about one person, one finding after the other, without changing anything."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace

from backend.core.ingest.pipeline.person_files import own_files
from backend.core.ingest.pipeline.person_found import Known, Place, hits_in, places_in
from backend.core.ingest.pipeline.person_remakes import Remaker
from backend.core.ingest.pipeline.person_texts import counted_as, texts_with
from backend.core.model.document import AttachmentFile, Document
from backend.core.model.erasure import Held, Named
from backend.core.ports.erasures import KeptText, TextPlace
from backend.core.ports.services import Services
from backend.core.text.erased import Scrubber

ARCHIVE: Final = "raw"
"""Begins the keys of the archive."""
_PAGE: Final = 200


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is held."""

    kind: str
    """`requester`, `turn`, `mention`, `attachment`, `summary`, `payload`, or the place of what is kept beside Documents."""
    where: str
    document_id: str | None = None
    doc_type: str | None = None
    platform: str | None = None
    original_id: str | None = None
    title: str | None = None
    url: str | None = None
    at: datetime | None = None
    attachment_id: str | None = None
    text: str | None = None
    record: Any = None
    """Of what is kept beside Documents: all of it."""


async def findings(services: Services, company_id: str, named: Named) -> AsyncIterator[Finding]:
    """Everything, in three steps: payloads, Documents by those and by themselves, what is kept beside them.

    What is remembered meanwhile are the names in the person's own records, by Document.
    """
    look = _Look(services, company_id, Known(people=(named,)))
    async for finding in look.payloads():
        yield finding
    async for finding in look.documents():
        yield finding
    async for finding in look.kept():
        yield finding


def counted(held: Held, finding: Finding) -> Held:
    """With this finding."""
    fields = {
        "requester": "tickets_requested",
        "turn": "turns",
        "mention": "mentions",
        "summary": "summaries",
        "attachment": "attachments",
        "payload": "payloads",
        "document": "documents",
        **{place.value: counted_as(place) for place in TextPlace},
    }
    return held.plus(Held(**{fields[finding.kind]: 1}))


class _Look:
    def __init__(self, services: Services, company_id: str, known: Known) -> None:
        self._services = services
        self._company_id = company_id
        self._known = known
        # Nobody else ever sees these hashes.
        self._key = secrets.token_bytes(32)
        self._marks = known.marks(self._key, attachments=True)
        self._names: dict[str, frozenset[str]] = {}
        self._files: dict[str, set[str]] = {}

    async def payloads(self) -> AsyncIterator[Finding]:
        """Payloads of the archive that hold the person."""
        blobs = self._services.blobs.open(self._company_id)
        async with self._services.database.open(self._company_id) as uow:
            connections = {each.connection_id: each for each in await uow.connections.list()}
        async with Remaker(self._services, self._company_id, connections) as remaker:
            for key in await blobs.list(ARCHIVE):
                packed = await blobs.get(key)
                try:
                    hits = await asyncio.to_thread(hits_in, packed, self._known, self._marks) if packed else []
                except zstandard.ZstdError:
                    continue
                platform, connection_id = key.split("/")[1:3]
                for hit in hits:
                    document_id = remaker.document_id(platform, hit.doc_type, hit.original_id)
                    names = hit.names
                    item = await remaker.item(connection_id, hit)
                    if item is not None:
                        names |= remaker.names_in(item, self._marks)
                        self._known = self._known.with_item(item, self._marks, names)
                        self._marks = self._known.marks(self._key, attachments=True)
                        self._files[document_id] = own_files(platform, item, self._marks)
                    self._names[document_id] = self._names.get(document_id, frozenset()) | names
                    yield Finding(
                        kind="payload",
                        where=key,
                        document_id=document_id,
                        doc_type=hit.doc_type.value,
                        platform=platform,
                        original_id=hit.original_id,
                    )

    async def documents(self) -> AsyncIterator[Finding]:
        """What Documents hold, a page at a time."""
        after: str | None = None
        while True:
            async with self._services.database.open(self._company_id) as uow:
                page, after = await uow.documents.list(limit=_PAGE, after=after)
            found = await asyncio.to_thread(self._places, page)
            ids = [document.document_id for document, places in found if places] + list(self._files.keys() & {d.document_id for d in page})
            async with self._services.database.open(self._company_id) as uow:
                files = await uow.attachments.of(ids) if ids else []
            for document, places in found:
                theirs = [each for each in files if each.document_id == document.document_id and self._is_theirs(each, document)]
                if places or theirs:
                    yield _of(document, kind="document", where=document.document_id)
                for place in places:
                    if place.kind != "attachment":
                        part = place.part
                        yield _of(document, kind=place.kind, where=place.where, text=place.text, at=None if part is None else part.at)
                for file in theirs:
                    yield _of(document, kind="attachment", where=file.name, attachment_id=file.attachment_id)
            if after is None:
                return

    async def kept(self) -> AsyncIterator[Finding]:
        """What is kept beside Documents."""
        for place in TextPlace:
            async for records, _ in texts_with(self._services, self._company_id, place, self._known, self._marks):
                for record in records:
                    yield Finding(kind=place.value, where=record.key, record=_record(record))

    def _places(self, page: Sequence[Document]) -> list[tuple[Document, list[Place]]]:
        return [(document, list(places_in(document, self._scrubber(document)))) for document in page]

    def _scrubber(self, document: Document) -> Scrubber:
        return Scrubber(self._marks, self._names.get(document.document_id, ()))

    def _is_theirs(self, file: AttachmentFile, document: Document) -> bool:
        if file.attachment_id in self._files.get(document.document_id, ()):
            return True
        scrubber = self._scrubber(document)
        texts = [part.text for part in document.parts if part.attachment_id == file.attachment_id]
        return scrubber.holds(file.name) or any(scrubber.holds(text) for text in texts)


def _of(document: Document, **found: Any) -> Finding:
    finding = Finding(
        document_id=document.document_id,
        doc_type=document.doc_type.value,
        platform=document.platform,
        original_id=document.original_id,
        title=document.title,
        url=document.url,
        **found,
    )
    return finding if finding.at is not None or finding.kind != "document" else replace(finding, at=document.created_at)


def _record(kept: KeptText) -> Any:
    try:
        return msgspec.json.decode(kept.data)
    except msgspec.DecodeError:
        return kept.data.decode(errors="replace")

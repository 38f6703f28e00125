"""Tickets and documents again of what is archived of them, without a look at the files."""

import contextlib
import hashlib
import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec
from msgspec import Struct

from backend.adapters.file.declared import Declared
from backend.adapters.file.entries import FileEntry
from backend.adapters.file.exported.items import BEGINS, ExportedUnit, remade_unit
from backend.adapters.file.exported.recognized import Readers
from backend.adapters.file.shelf import Look, Shelf
from backend.adapters.file.tables.layout import BadRowError
from backend.adapters.file.tickets.normalize import ticket_of
from backend.adapters.file.tickets.plan import Plan
from backend.core.errors import AppError, Code
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.document import DocType
from backend.core.model.sync import Fetched, ItemRef
from backend.core.model.ticket import Attachment

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PATH_CHARS: Final = 12
_DIGEST_CHARS: Final = 24

Plans = Mapping[str, Plan]
"""How the rows of each file are read, by its path."""


class TicketPayload(Struct, frozen=True, kw_only=True):
    """A ticket as its rows are archived."""

    file: str
    rows: list[dict[str, Any]]
    modified: datetime | None = None
    """When the file changed, where the ticket has a time of it."""
    files: tuple[Attachment, ...] = ()


class DocumentPayload(Struct, frozen=True, kw_only=True):
    """A document as it is archived: its words are those of its file."""

    file: str
    size: int
    stamp: str
    sha256: str
    """Its beginning."""
    title: str = ""
    visibility: Visibility | None = None
    modified: datetime | None = None


class KnownPlans:
    """The plans of one connection's files: learned of what is looked through, or taken from where they were kept."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._learned: Look | None = None
        self.plans: Plans = {}
        self.written: bytes | None = None
        """As they are kept; None while none were learned."""

    async def learn(self) -> None:
        """Learn them where the files were looked at anew."""
        if self.written is not None and self._learned is self._shelf.look:
            return
        known = await self._shelf.run(lambda catalog: catalog.known())
        self._learned = self._shelf.look
        self.plans = {path: entry.sheet.plan for path, entry in known.items() if entry.sheet is not None and not entry.sheet.export}
        self.written = msgspec.json.encode(self.plans)

    def recall(self, names: bytes) -> None:
        """Take what was `written` before; what can't be read is left out."""
        with contextlib.suppress(msgspec.ValidationError, msgspec.DecodeError):
            self.plans = msgspec.json.decode(names, type=dict[str, Plan])


def remade(ref: ItemRef, raw: bytes, plans: Plans, readers: Readers) -> Fetched:
    """The item of a payload. Raises ARCHIVE_INCOMPLETE or SOURCE_MALFORMED."""
    try:
        if raw.startswith(BEGINS):
            return remade_unit(msgspec.json.decode(raw, type=ExportedUnit), readers, raw)
        if ref.doc_type is DocType.ARTICLE:
            return Fetched(item=document_of(msgspec.json.decode(raw, type=DocumentPayload), ref.original_id), raw=raw)
        payload = msgspec.json.decode(raw, type=TicketPayload)
        plan = plans.get(payload.file)
        if plan is None:
            raise AppError(Code.ARCHIVE_INCOMPLETE, f"How the columns of {payload.file} are read was not kept; sync once more.")
        ticket = ticket_of(payload.rows, plan, ref.original_id, moment=payload.modified or _LONG_AGO, files=payload.files)
    except (msgspec.ValidationError, msgspec.DecodeError, BadRowError) as error:
        raise AppError(Code.SOURCE_MALFORMED, f"What is archived of {ref.original_id} makes no sense: {error}.") from None
    return Fetched(item=ticket, raw=raw)


def visibility_of(declared: Declared) -> Visibility:
    """Who may read a document: agents, where nothing else is declared."""
    return Visibility(declared.visibility or Visibility.INTERNAL.value)


def payload_of(entry: FileEntry, declared: Declared, whole: Attachment) -> DocumentPayload:
    """What is archived of a document."""
    path = PurePosixPath(entry.path.removeprefix("upload:"))
    return DocumentPayload(
        file=entry.path,
        size=entry.size,
        stamp=entry.stamp,
        sha256=whole.original_id[-_DIGEST_CHARS:],
        title=declared.title or path.stem.replace("_", " ").strip() or path.name,
        visibility=visibility_of(declared),
        modified=entry.modified,
    )


def document_of(payload: DocumentPayload, original_id: str) -> Article:
    """A document, whose text is that of its one attachment. Raises ARCHIVE_INCOMPLETE."""
    modified, visibility = payload.modified, payload.visibility
    if modified is None or visibility is None:
        raise AppError(Code.ARCHIVE_INCOMPLETE, f"{payload.file} was archived without what is declared of it; sync with --refresh.")
    path = PurePosixPath(payload.file.removeprefix("upload:"))
    whole = attachment_of(payload.file, payload.sha256, payload.size, internal=visibility is Visibility.INTERNAL, whole=True)
    return Article(
        original_id=original_id,
        translations=(Translation(language="", title=payload.title, html="", updated_at=modified),),
        folder=" / ".join(path.parts[:-1]),
        visibility=visibility,
        attachments=(whole,),
        created_at=modified,
        updated_at=modified,
    )


def attachment_of(path: str, digest: str, size: int, *, internal: bool, whole: bool) -> Attachment:
    """A file by its content: the same for as long as nobody changes it."""
    name = PurePosixPath(path.removeprefix("upload:")).name
    return Attachment(
        original_id=f"{hashlib.sha256(path.encode()).hexdigest()[:_PATH_CHARS]}{digest[:_DIGEST_CHARS]}",
        name=name,
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        size=size,
        internal=internal,
        essential=whole,
    )

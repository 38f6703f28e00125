"""Files behind the Source port: exports of tickets, and documents."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from backend.adapters.file.called import (
    digest_of_bytes,
    going_on,
    id_of,
    is_within,
    missing,
    pieces_of,
    refused,
    sheet_in,
    state_of,
    version_of,
)
from backend.adapters.file.declared import Declared, read_one
from backend.adapters.file.entries import FileEntry, Kind, Span, micros, moment
from backend.adapters.file.lot import RowFile, Rows, fetched_of
from backend.adapters.file.naming import with_names
from backend.adapters.file.places.place import Found
from backend.adapters.file.preview import preview_of
from backend.adapters.file.remake import KnownPlans, attachment_of, document_of, payload_of, remade, visibility_of
from backend.adapters.file.shelf import Shelf
from backend.adapters.file.tables.opened import Table, record_of
from backend.adapters.file.tickets.normalize import files_in
from backend.adapters.file.tickets.plan import Field
from backend.adapters.file.verify import verify
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.connection import CredentialReport
from backend.core.model.document import DocType
from backend.core.model.preview import FileState, Preview
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, Lot, RunMode, RunOptions, Stream
from backend.core.model.ticket import Attachment, Presence
from backend.core.ports.source import Capabilities, SourceQuota

_PAGE_BYTES: Final = 4 << 20
"""Of the rows that are named, made and stored together: several pages are under way, each row in several forms."""
_LEAST: Final = 20
"""Tickets of a page, however long they are."""


class FileSource:
    """The files of one connection."""

    def __init__(self, shelf: Shelf, name: str, *, page: int) -> None:
        self._shelf = shelf
        self._name = name
        self._page = page
        self._files: dict[str, Found] = {}
        """Attachments by id, as they were named."""
        self._plans = KnownPlans(shelf)

    @property
    def capabilities(self) -> Capabilities:
        """Every stream, and complete whenever something changed."""
        return Capabilities(streams=frozenset(Stream), complete=frozenset({Stream.TICKETS, Stream.ARTICLES}), listing_names_total=True)

    @property
    def quota(self) -> SourceQuota:
        """Files cost nothing; what is counted is how many were opened."""
        return SourceQuota(calls=self._shelf.opened)

    @property
    def unreadable(self) -> frozenset[str]:
        """What can't be read is an item that failed, by its name."""
        return frozenset()

    async def verify(self) -> CredentialReport:
        """What is there: exports, documents, and what can't be read."""
        return await verify(self._shelf, self._name)

    async def list_changes(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page. Where no file changed since the last run there is nothing to name, and no file is opened."""
        position, asked = cursor.position, clock.now()
        begun = "list" in position
        look = self._shelf.look if begun else None
        if look is None or look.digest != position.get("list"):
            look = await self._shelf.look_again()
        # What changed in the middle of a listing is listed from the beginning: what is stored by now is not read again.
        begun = begun and look.digest == position["list"]
        everything = options.mode in (RunMode.FULL, RunMode.REFRESH) or options.since is not None or options.until is not None
        rest = Cursor(stream=cursor.stream, position={"seen": look.digest})
        if not begun and position.get("seen") == look.digest and not everything:
            return Listing(refs=(), next=rest, last=True, total=0)
        begin = position if begun else {}
        if cursor.stream is Stream.ARTICLES:
            return await self._articles(rest, begin, options)
        return await self._tickets(rest, begin, options, asked)

    async def fetch(self, ref: ItemRef) -> Fetched:
        """A ticket or a document, as its file has it now."""
        if ref.doc_type is DocType.ARTICLE:
            return await self._article(ref.original_id)
        lot = await self.lot((ref,))
        return lot.make(lot.payloads[0])

    async def lot(self, refs: Sequence[ItemRef]) -> Lot:
        """The rows of many tickets. What is no more is a payload that raises SOURCE_ITEM_NOT_FOUND."""
        await self._plans.learn()
        common, payloads = await self._gathered([ref.original_id for ref in refs])
        return Lot(make=partial(fetched_of, common), payloads=tuple(payloads))

    @asynccontextmanager
    async def download(self, attachment: Attachment, ref: ItemRef) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a file that a ticket names, or of a document itself."""
        found = self._files.get(attachment.original_id)
        if found is None:
            await self.fetch(ref)
            found = self._files.get(attachment.original_id)
        if found is None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, f"There is no file any more for {attachment.name!r}.")
        _, file = await self._shelf.open(found.path)
        with file:
            yield pieces_of(file)

    async def files(self) -> Sequence[FileState]:
        """Everything that lies there, and what the last sync found it to be."""
        look = await self._shelf.look_again()
        known = await self._shelf.remembered()
        states = [state_of(found, known.get(found.path)) for found, _ in look.files]
        passed = [state_of(self._shelf.found(path), None, "passed_over") for path in look.passed_over]
        return sorted((*states, *passed), key=lambda each: each.path)

    async def preview(self, path: str, declaration: bytes) -> Preview:
        """How one of the files would be read; an upload may be called by the name it was uploaded with."""
        look = await self._shelf.look_again()
        if path not in self._shelf:
            path = f"upload:{path}"
        if path not in self._shelf:
            told = f"The connection has no file {path.removeprefix('upload:')!r}. GET /api/v1/connections/CONNECTION/files names them."
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, told)
        declared = next((declared for found, declared in look.files if found.path == path), Declared())
        if declaration.strip():
            declared = read_one(declaration, "given")
        role = await self._shelf.role(path, declared)
        _, file = await self._shelf.open(path)
        return await asyncio.to_thread(partial(preview_of, file, path, declared, role=role, readers=self._shelf.readers))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of account exports holds no knowledge."""
        return self._shelf.remarks

    @property
    def names(self) -> bytes | None:
        """How the columns of each file are read, once tickets were."""
        return self._plans.written

    def recall(self, names: bytes) -> None:
        """Take what was kept of `names`; what can't be read is left out."""
        self._plans.recall(names)

    async def remake(self, ref: ItemRef, raw: bytes) -> Fetched:
        """The item of an archived payload."""
        return remade(ref, raw, self._plans.plans, self._shelf.readers)

    async def close(self) -> None:
        """Let go of files."""
        await self._shelf.close()

    async def _tickets(self, rest: Cursor, begin: dict[str, Any], options: RunOptions, asked: datetime) -> Listing:
        gone = rest.stream is Stream.DELETIONS
        after = (int(begin["at"]), str(begin["key"])) if "at" in begin else None
        size, left = self._size(begin, options, await self._shelf.run(lambda catalog: catalog.weight()))
        since, until = (None if moment is None else micros(moment) for moment in (options.since, options.until))
        page = await self._shelf.run(lambda catalog: catalog.page(after, size + 1, since=since, until=until, gone=gone))
        total = None
        if after is None and since is None and until is None:
            total = await self._shelf.run(lambda catalog: catalog.count(gone=gone))
        more, page = len(page) > size, page[:size]
        presence = Presence.DELETED if gone else Presence.LIVE
        refs = tuple(
            [ItemRef(doc_type=DocType.TICKET, original_id=e.key, version=e.version, presence=presence, told_at=asked) for e in page]
        )
        following = going_on(rest, {"at": page[-1].at, "key": page[-1].key} | left) if more else rest
        return Listing(refs=refs, next=following, last=not more or left.get("left") == 0, total=total, anew=not begin)

    async def _articles(self, rest: Cursor, begin: dict[str, Any], options: RunOptions) -> Listing:
        entries = await self._shelf.run(lambda catalog: catalog.articles())
        pages = await self._shelf.run(lambda catalog: catalog.pages())
        # No path is like the number of an article with this before it: every document has an ending.
        named = [(entry.path, id_of(entry.path), version_of(entry)) for entry in entries if is_within(entry.modified, options)]
        named += [(f"#{page.key}", page.key, page.version) for page in pages if is_within(moment(page.at), options)]
        ahead = [each for each in sorted(named) if each[0] > str(begin.get("key", ""))]
        size, left = self._size(begin, options)
        page, more = ahead[:size], len(ahead) > size
        refs = tuple(ItemRef(doc_type=DocType.ARTICLE, original_id=key, version=version) for _, key, version in page)
        following = going_on(rest, {"key": page[-1][0]} | left) if more else rest
        return Listing(refs=refs, next=following, last=not more or left.get("left") == 0, anew=not begin)

    def _size(self, begin: dict[str, Any], options: RunOptions, weight: int = 0) -> tuple[int, dict[str, int]]:
        """How many to name, of so many bytes each, and where a limit was asked for what is left of it then."""
        page = min(self._page, max(_LEAST, _PAGE_BYTES // max(1, weight)))
        if options.limit is None:
            return page, {}
        left = int(begin.get("left") or options.limit)
        size = min(page, left)
        return size, {"left": left - size}

    async def _gathered(self, keys: Sequence[str], table: str = "tickets") -> tuple[list[RowFile], list[Rows | AppError]]:
        """The rows of tickets (with `pages`: of articles of account exports), and what those of a file have in common."""
        files, spans = await self._shelf.run(lambda catalog: catalog.placed(keys, table))
        tables = {number: await self._shelf.table(file) for number, file in files.items() if not file.code}
        places = {number: place for place, number in enumerate(files)}
        payloads = [await self._rows(key, spans[key], files, tables, places) if key in spans else missing() for key in keys]
        for number in tables:
            # Nobody wrote into it while its rows were taken.
            await self._shelf.table(files[number])
        entries, readers = list(files.values()), self._shelf.readers
        if any(sheet_in(entry).export for entry in entries):
            payloads = await self._shelf.run(lambda catalog: with_names(catalog, payloads, entries, readers))
        common = [
            RowFile(path=entry.path, sheet=(sheet := sheet_in(entry)), modified=entry.modified, reader=readers.get(sheet.export))
            for entry in entries
        ]
        return common, payloads

    async def _rows(
        self, key: str, spans: Sequence[Span], files: Mapping[int, FileEntry], tables: Mapping[int, Table], places: Mapping[int, int]
    ) -> Rows | AppError:
        """The bytes of a ticket's rows, with the files that they name."""
        number = spans[0].file
        table = tables.get(number)
        if table is None:
            return refused(files[number])
        raws = tuple([table.read(span.start, span.size) for span in spans])
        problem = spans[0].problem if len(spans) == 1 else next((span.problem for span in spans if span.problem), "")
        sheet = sheet_in(files[number])
        named: list[Attachment] = []
        if sheet.plan.heading(Field.ATTACHMENTS) and not problem:
            names = files_in((record_of(raw, sheet.layout) for raw in raws), sheet.plan)
            named = [each for name in names if (each := await self._attachment(files[number].path, name)) is not None]
        return Rows(places[number], key, raws, tuple([span.number for span in spans]), problem, tuple(named))

    async def _attachment(self, path: str, name: str) -> Attachment | None:
        """A file beside an export; None where it is not there: the ticket is taken without it."""
        beside = self._shelf.beside(path, name)
        return None if beside is None else await self._described(self._shelf.found(beside), internal=False)

    async def _described(self, found: Found, *, internal: bool, whole: bool = False) -> Attachment:
        """A file by its content: the same for as long as nobody changes it."""
        _, file = await self._shelf.open(found.path)
        with file:
            digest = await asyncio.to_thread(digest_of_bytes, file)
        attachment = attachment_of(found.path, digest, found.size, internal=internal, whole=whole)
        self._files[attachment.original_id] = found
        return attachment

    async def _article(self, original_id: str) -> Fetched:
        entries = await self._shelf.run(lambda catalog: catalog.articles())
        entry = next((each for each in entries if id_of(each.path) == original_id), None)
        if entry is None:
            return await self._exported_article(original_id)
        if entry.kind == Kind.BROKEN or entry.code:
            raise refused(entry)
        look = self._shelf.look
        declared = next((declared for found, declared in look.files if found.path == entry.path), Declared()) if look else Declared()
        attachment = await self._described(entry.found, internal=visibility_of(declared) is Visibility.INTERNAL, whole=True)
        payload = payload_of(entry, declared, attachment)
        return Fetched(item=document_of(payload, original_id), raw=msgspec.json.encode(payload))

    async def _exported_article(self, original_id: str) -> Fetched:
        common, [rows] = await self._gathered([original_id], "pages")
        if isinstance(rows, AppError) and rows.code is Code.SOURCE_ITEM_NOT_FOUND:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "There is no such document any more.")
        return await asyncio.to_thread(fetched_of, common, rows)

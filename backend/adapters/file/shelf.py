"""A connection's files as they are now: listed, what is declared of them, and looked through where they changed."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, Final, TypeVar

from msgspec import Struct

from backend.adapters.exports.reader import ExportReader, Part
from backend.adapters.file.called import being_written
from backend.adapters.file.catalog import Catalog, digest_of
from backend.adapters.file.declared import BESIDE, FOR_ALL, LARGEST, Declarations, Declared, read_one, read_patterns
from backend.adapters.file.entries import FileEntry, Kind
from backend.adapters.file.exported.reading import Reading
from backend.adapters.file.exported.recognized import Role, by_platform, completed, remarks_of
from backend.adapters.file.exported.roles import Roles
from backend.adapters.file.exported.units import names_in, open_units
from backend.adapters.file.filling import Filling
from backend.adapters.file.keeping import load_catalog, save_catalog
from backend.adapters.file.places.place import Found, Place
from backend.adapters.file.scan import may_be_read, open_tickets
from backend.adapters.file.tables.opened import Table, open_table
from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStore
from backend.core.ports.compute import Compute

_OPEN_MAX: Final = 12
"""Files of rows held open at once."""
_UNREADABLE: Final = frozenset(
    {Code.ATTACHMENT_EMPTY, Code.ATTACHMENT_ENCRYPTED, Code.ATTACHMENT_UNREADABLE, Code.ATTACHMENT_UNSUPPORTED, Code.INVALID_REQUEST}
)
"""What concerns one file and no other."""
_ROWS: Final = (Kind.TICKETS, Kind.ARTICLES)

T = TypeVar("T")


class Look(Struct, frozen=True, kw_only=True):
    """What lies there, and what is declared of it."""

    files: tuple[tuple[Found, Declared], ...]
    """Those there is a reader for."""
    passed_over: tuple[str, ...]
    """The others."""
    broken: dict[str, AppError] = {}
    """Files whose own declaration can't be followed."""
    digest: str


class Shelf:
    """The files of some places, as one. Close it."""

    def __init__(
        self,
        places: Sequence[Place],
        blobs: BlobStore | None,
        kept: str,
        compute: Compute | None = None,
        *,
        readers: Iterable[ExportReader] = (),
    ) -> None:
        self.readers = by_platform(readers)
        """Of account exports."""
        self._roles = Roles(self.readers, self._open_listed)
        self._places = places
        self._blobs = blobs
        self._compute = compute
        self._kept = kept
        """The folder among the company's own files in which the catalog is kept."""
        self._catalog: Catalog | None = None
        self._digest = ""
        """Of what the catalog tells."""
        self._unsettled = False
        """Whether files were read or forgotten that are not put together yet."""
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._lock = asyncio.Lock()
        self._where: dict[str, tuple[Place, Found]] = {}
        self.look: Look | None = None
        """The last one."""
        self.opened = 0
        """Files that were opened."""
        self.remarks: tuple[str, ...] = ()
        """What an admin should know of files that were looked through."""

    async def look_again(self) -> Look:
        """List everything anew. Raises what the places raise, and INVALID_REQUEST for a declaration that can't be followed."""
        where: dict[str, tuple[Place, Found]] = {}
        for place in self._places:
            where |= {found.path: (place, found) for found in await place.list()}
        self._where = where
        declarations, broken = await self._declarations()
        files, passed_over = [], []
        for path, (_, found) in sorted(where.items()):
            if path.endswith(BESIDE) or path.rpartition("/")[2].removeprefix("upload:") == FOR_ALL:
                continue
            declared = declarations.of(path)
            if declared.kind == "ignore" or not may_be_read(path):
                passed_over.append(path)
            else:
                files.append((found, declared))
        marks = [(found, broken[found.path].message if found.path in broken else declared.digest()) for found, declared in files]
        self.look = Look(files=tuple(files), passed_over=tuple(passed_over), broken=broken, digest=digest_of(marks))
        return self.look

    async def remembered(self) -> dict[str, FileEntry]:
        """What the last sync found, by path; nothing is read for it."""
        async with self._lock:
            if self._catalog is None:
                self._catalog = await load_catalog(self._blobs, self._kept)
            return await asyncio.to_thread(self._catalog.known)

    def __contains__(self, path: str) -> bool:
        """Whether the last look named it."""
        return path in self._where

    def found(self, path: str) -> Found:
        """A file of the last look."""
        return self._where[path][1]

    async def run(self, work: Callable[[Catalog], T]) -> T:
        """Ask the catalog of the last look, in a thread; it is brought up to date first."""
        look = self.look or await self.look_again()
        async with self._lock:
            if self._catalog is None or self._digest != look.digest:
                await self._refresh(look)
            assert self._catalog is not None  # noqa: S101 - it was just made
            return await asyncio.to_thread(work, self._catalog)

    async def table(self, entry: FileEntry) -> Table:
        """A file of rows, open for as long as this is. Raises SOURCE_UNAVAILABLE where it is being written."""
        table = self._tables.pop(entry.path, None)
        if table is None:
            sheet = entry.sheet
            file = await self._open_listed(entry.found)
            if sheet is not None and sheet.export:
                table, _ = await asyncio.to_thread(open_units, file, entry.path, self.readers[sheet.export], Part(sheet.part))
            else:
                table = await asyncio.to_thread(open_table, file, entry.path, encoding="" if sheet is None else sheet.plan.encoding)
            if table is None:
                raise being_written(entry.path)
        self._keep(entry.path, table)
        if not table.unchanged:
            self._drop(entry.path)
            raise being_written(entry.path)
        return table

    async def open(self, path: str) -> tuple[Found, BinaryIO]:
        """Any file by its path. Raises SOURCE_ITEM_NOT_FOUND."""
        where = self._where.get(path)
        if where is None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "There is no such file any more.")
        place, found = where
        self.opened += 1
        return found, await place.open(found)

    async def role(self, path: str, declared: Declared) -> Role | None:
        """What a file of the last look is in an account export."""
        look = self.look or await self.look_again()
        return await self._roles.beside(self.found(path), declared, look.files)

    def beside(self, path: str, name: str) -> str | None:
        """The path of the file that a row of `path` calls `name`: relative to its folder, or to the top."""
        prefix = "upload:" if path.startswith("upload:") else ""
        folder = path.removeprefix(prefix).rpartition("/")[0]
        for candidate in (f"{folder}/{name}" if folder else name, name):
            named = f"{prefix}{candidate.replace(chr(92), '/').removeprefix('./')}"
            if named in self._where:
                return named
        return None

    async def close(self) -> None:
        """Let go of everything."""
        for path in list(self._tables):
            self._drop(path)
        if self._catalog is not None:
            catalog, self._catalog = self._catalog, None
            await asyncio.to_thread(catalog.close)
        for place in self._places:
            await place.close()

    async def _declarations(self) -> tuple[Declarations, dict[str, AppError]]:
        beside: dict[str, Declared] = {}
        broken: dict[str, AppError] = {}
        patterns: list[tuple[str, Declared]] = []
        for path in sorted(self._where):
            if path.endswith(BESIDE):
                try:
                    beside[path.removesuffix(BESIDE)] = read_one(await self._small(path), path)
                except AppError as error:
                    broken[path.removesuffix(BESIDE)] = error
            elif path.removeprefix("upload:") == FOR_ALL:
                patterns += read_patterns(await self._small(path), path)
        own = await self._blobs.get(f"{self._kept}/{FOR_ALL}") if self._blobs is not None else None
        first = read_patterns(own, FOR_ALL) if own else ()
        return Declarations(first=first, beside=beside, patterns=tuple(patterns)), broken

    async def _small(self, path: str) -> bytes:
        _, file = await self.open(path)
        with file:
            return await asyncio.to_thread(file.read, LARGEST + 1)

    async def _refresh(self, look: Look) -> None:
        """Read what is new or changed, and forget what is gone."""
        catalog = self._catalog or await load_catalog(self._blobs, self._kept)
        self._catalog, self._digest = catalog, ""
        known = await asyncio.to_thread(catalog.known)
        there = {found.path for found, _ in look.files}
        gone = [path for path in known if path not in there]
        own = await self._roles.own([pair for pair in look.files if pair[0].path not in look.broken], known)
        roles = completed(own, self.readers)
        for path in gone:
            self._drop(path)
        await asyncio.to_thread(catalog.forget, gone)
        self._unsettled = self._unsettled or bool(gone)
        digests: dict[str, str] = {}
        # Names first: which version a ticket is of depends on them.
        for found, declared in sorted(look.files, key=lambda each: _is_names(roles.get(each[0].path))):
            path = found.path
            work = Reading(found=found, declared=declared, own=own.get(path), role=roles.get(path), broken=look.broken.get(path))
            if work.folder is not None and work.folder not in digests:
                digests[work.folder] = await asyncio.to_thread(catalog.exported.digest, work.folder)
            mark, entry = work.mark(digests), known.get(path)
            if entry is None or entry.stamp != found.stamp or entry.declared != mark:
                self._unsettled = True
                self._drop(path)
                await self._read(catalog, entry, work, mark)
        if self._unsettled:
            await asyncio.to_thread(catalog.settle)
            await save_catalog(catalog, self._blobs, self._kept)
            self._unsettled = False
        self._digest = look.digest
        self.remarks = remarks_of(await asyncio.to_thread(catalog.exported.without_knowledge))

    async def _read(self, catalog: Catalog, before: FileEntry | None, work: Reading, mark: str) -> None:
        """Look through one file."""
        found, role = work.found, work.role
        try:
            if work.broken is not None:
                raise work.broken
            if role is not None and role.part in (Part.NAMES, Part.NOTHING):
                await self._read_names(catalog, work, role, mark)
                return
            file = await self._open_listed(found)
            reader = self.readers[role.platform] if role is not None else None
            if reader is None or role is None:
                opened = await asyncio.to_thread(open_tickets, file, found.path, work.declared)
            else:
                known = before is not None and before.kind in _ROWS
                opened = await asyncio.to_thread(work.open_export, file, reader, mark, known=known)
            if opened is None:
                await asyncio.to_thread(lambda: catalog.put(found, mark, Kind.DOCUMENT, role=work.kept_role))
                return
            table, sheet = opened
            self._keep(found.path, table)
            filling = Filling(catalog, found, table, sheet, mark=mark, compute=self._compute)
            filling.reader = reader
            await filling.fill(lambda name: self.beside(found.path, name))
        except AppError as error:
            if error.code not in _UNREADABLE:
                raise
            self._drop(found.path)
            code, message = error.code.value, error.message if found.path in error.message else f"{found.path}: {error.message}"
            if before is not None and before.kind in _ROWS:
                # A file that can't be read for once is no reason to forget what was read of it.
                await asyncio.to_thread(catalog.restate, before, code=code, problem=message)
            else:
                await asyncio.to_thread(lambda: catalog.put(found, mark, Kind.BROKEN, code=code, problem=message, role=work.kept_role))

    async def _read_names(self, catalog: Catalog, work: Reading, role: Role, mark: str) -> None:
        """A part of an account export in which nothing is to be found."""
        kind = Kind.NAMES if role.part is Part.NAMES else Kind.PASSED_OVER
        number = await asyncio.to_thread(lambda: catalog.put(work.found, mark, kind, role=work.kept_role))
        if role.part is Part.NAMES:
            file = await self._open_listed(work.found)
            names = names_in(file, work.found.path, self.readers[role.platform])
            await asyncio.to_thread(catalog.exported.add, number, role.platform, names)

    async def _open_listed(self, found: Found) -> BinaryIO:
        try:
            return (await self.open(found.path))[1]
        except AppError as error:
            if error.code in (Code.SOURCE_MALFORMED, Code.SOURCE_ITEM_NOT_FOUND):
                raise being_written(found.path) from None
            raise

    def _keep(self, path: str, table: Table) -> None:
        self._tables[path] = table
        while len(self._tables) > _OPEN_MAX:
            self._drop(next(iter(self._tables)))

    def _drop(self, path: str) -> None:
        table = self._tables.pop(path, None)
        if table is not None:
            table.close()


def _is_names(role: Role | None) -> bool:
    return role is None or role.part is not Part.NAMES

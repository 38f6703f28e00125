"""A connection's files as they are now: listed, what is declared of them, and looked through where they changed."""

import asyncio
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final, TypeVar

import zstandard
from msgspec import Struct

from backend.adapters.file.catalog import Catalog, FileEntry, Kind, digest_of
from backend.adapters.file.declared import BESIDE, FOR_ALL, LARGEST, Declarations, Declared, read_one, read_patterns
from backend.adapters.file.filling import Filling
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
_CHANGING_SECONDS: Final = 15.0
_LEVEL: Final = 3

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

    def __init__(self, places: Sequence[Place], blobs: BlobStore | None, kept: str, compute: Compute | None = None) -> None:
        self._places = places
        self._blobs = blobs
        self._compute = compute
        self._kept = kept
        """The folder among the company's own files in which the catalog is kept."""
        self._catalog: Catalog | None = None
        self._digest = ""
        """Of what the catalog tells."""
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._lock = asyncio.Lock()
        self._where: dict[str, tuple[Place, Found]] = {}
        self.look: Look | None = None
        """The last one."""
        self.opened = 0
        """Files that were opened."""

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
                self._catalog = await self._load()
            return await asyncio.to_thread(self._catalog.known)

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
            table = await asyncio.to_thread(open_table, file, entry.path, encoding="" if sheet is None else sheet.plan.encoding)
            if table is None:
                raise _changing(entry.path)
        self._keep(entry.path, table)
        if not table.unchanged:
            self._drop(entry.path)
            raise _changing(entry.path)
        return table

    async def open(self, path: str) -> tuple[Found, BinaryIO]:
        """Any file by its path. Raises SOURCE_ITEM_NOT_FOUND."""
        where = self._where.get(path)
        if where is None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "There is no such file any more.")
        place, found = where
        self.opened += 1
        return found, await place.open(found)

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
        catalog = self._catalog or await self._load()
        self._catalog, self._digest = catalog, ""
        known = await asyncio.to_thread(catalog.known)
        there = {found.path for found, _ in look.files}
        changed = [(f, d) for f, d in look.files if f.path not in known or not _same(known[f.path], f, d, look.broken.get(f.path))]
        gone = [path for path in known if path not in there]
        for path in (*gone, *(found.path for found, _ in changed)):
            self._drop(path)
        if gone or changed:
            await asyncio.to_thread(catalog.forget, gone)
            for found, declared in changed:
                await self._read(catalog, known.get(found.path), found, declared, look.broken.get(found.path))
            await asyncio.to_thread(catalog.settle)
            await self._save(catalog)
        self._digest = look.digest

    async def _read(self, catalog: Catalog, before: FileEntry | None, found: Found, declared: Declared, broken: AppError | None) -> None:
        """Look through one file."""
        mark = declared.digest() if broken is None else broken.message
        try:
            if broken is not None:
                raise broken
            file = await self._open_listed(found)
            opened = await asyncio.to_thread(open_tickets, file, found.path, declared)
            if opened is None:
                await asyncio.to_thread(catalog.put, found, mark, Kind.DOCUMENT)
                return
            table, sheet = opened
            self._keep(found.path, table)
            filling = Filling(catalog, found, mark, table, sheet, compute=self._compute)
            await filling.fill(lambda name: self.beside(found.path, name))
        except AppError as error:
            if error.code not in _UNREADABLE:
                raise
            self._drop(found.path)
            message = error.message if found.path in error.message else f"{found.path}: {error.message}"
            if before is not None and before.kind == Kind.TICKETS:
                # A file that can't be read for once is no reason to forget what was read of it.
                await asyncio.to_thread(catalog.restate, before, code=error.code.value, problem=message)
            else:
                code = error.code.value
                await asyncio.to_thread(lambda: catalog.put(found, mark, Kind.BROKEN, code=code, problem=message))

    async def _open_listed(self, found: Found) -> BinaryIO:
        try:
            return (await self.open(found.path))[1]
        except AppError as error:
            if error.code in (Code.SOURCE_MALFORMED, Code.SOURCE_ITEM_NOT_FOUND):
                raise _changing(found.path) from None
            raise

    def _keep(self, path: str, table: Table) -> None:
        self._tables[path] = table
        while len(self._tables) > _OPEN_MAX:
            self._drop(next(iter(self._tables)))

    def _drop(self, path: str) -> None:
        table = self._tables.pop(path, None)
        if table is not None:
            table.close()

    async def _load(self) -> Catalog:
        """The catalog as it was kept, or an empty one."""
        if self._blobs is None:
            return await asyncio.to_thread(Catalog)
        with tempfile.TemporaryFile(prefix="desklore-") as packed:
            try:
                async for piece in self._blobs.read(f"{self._kept}/catalog.db.zst"):
                    packed.write(piece)
            except AppError as error:
                if error.code is not Code.ATTACHMENT_NOT_FOUND:
                    raise
                return await asyncio.to_thread(Catalog)
            packed.seek(0)
            return await asyncio.to_thread(_unpacked, packed)

    async def _save(self, catalog: Catalog) -> None:
        if self._blobs is None:
            return
        with tempfile.NamedTemporaryFile(prefix="desklore-") as packed:
            await asyncio.to_thread(_pack, catalog.path, Path(packed.name))
            await self._blobs.put_file(f"{self._kept}/catalog.db.zst", Path(packed.name))


def _same(entry: FileEntry, found: Found, declared: Declared, broken: AppError | None) -> bool:
    return entry.stamp == found.stamp and entry.declared == (declared.digest() if broken is None else broken.message)


def _changing(path: str) -> AppError:
    return AppError(
        Code.SOURCE_UNAVAILABLE, f"{path} is being written; the sync goes on when it stands still.", retry_after=_CHANGING_SECONDS
    )


def _unpacked(packed: IO[bytes]) -> Catalog:
    """The catalog of a packed file, an empty one where it is damaged."""
    with tempfile.TemporaryDirectory(prefix="desklore-") as folder:
        plain = Path(folder) / "catalog.db"
        try:
            with plain.open("wb") as target:
                zstandard.ZstdDecompressor().copy_stream(packed, target)
        except zstandard.ZstdError:
            return Catalog()
        return Catalog(plain)


def _pack(path: Path, packed: Path) -> None:
    with path.open("rb") as source, packed.open("wb") as target:
        zstandard.ZstdCompressor(level=_LEVEL).copy_stream(source, target)

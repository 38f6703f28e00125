"""An archive becomes an installation again: its rows in one transaction, whichever database they came from."""

import asyncio
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import zstandard
from msgspec import Struct
from sqlalchemy import Table

from backend.core.errors import AppError, Code
from backend.core.model.tenant import Tenant
from backend.core.ports.blobs import BlobStores
from backend.storage.moving.archive import IN_MEMORY, ArchiveReader
from backend.storage.moving.backup import NOBODY
from backend.storage.moving.manifest import Manifest, refused
from backend.storage.moving.progress import Progress, Tell, silent
from backend.storage.sql.audit import OPERATOR
from backend.storage.sql.directory import SqlDirectory
from backend.storage.sql.engine import Engines, newest_revision
from backend.storage.sql.transaction import Transaction, insert
from backend.storage.sql.unit_of_work import over_all
from backend.storage.sql.whole_rows import TABLES, from_line

_ROWS_AT_ONCE: Final = 100
_TABLES: Final = {table.name: table for table in TABLES}

Forget = Callable[[str], Any]
"""Drop something of a company; awaited."""
Opens = Callable[[Tenant], bool]
"""Whether a company's data key opens with the master keys that are here."""


class Restored(Struct, frozen=True, kw_only=True):
    """What became of a restore."""

    manifest: Manifest
    erased: list[str]
    """Companies that were here before and were replaced or erased."""
    locked: list[str]
    """Companies whose data key does not open with the master keys that are here: their helpdesk credentials are unreadable."""


class Target(Struct, frozen=True, kw_only=True):
    """Where an archive is restored into."""

    engines: Engines
    blobs: BlobStores
    forget: Forget
    """Drop what is derived of it: its index and what is cached."""
    erase: Forget
    """Drop what is kept elsewhere of one that goes for good: its credentials and streams."""
    opens: Opens


async def restore(path: Path, target: Target, *, replace: bool = False, tell: Tell = silent) -> Restored:
    """Check the whole archive, then write it. Nothing is touched where the archive is damaged or the target is in use.

    All rows come in one transaction: interrupted at any moment, the database is as it was, and the command can be given again.
    Files are written before it ends; one that was written for nothing is harmless and overwritten the next time.
    Raises INVALID_REQUEST for an archive that can't be used, TENANT_EXISTS for a target that is not empty without `replace`.
    """
    reader = await asyncio.to_thread(ArchiveReader, path)
    with reader:
        manifest = await asyncio.to_thread(reader.verify)
        if manifest.revision != newest_revision():
            raise refused(
                f"its tables are of schema {manifest.revision}, and here they are {newest_revision()}; restore it with Desklore "
                f"{manifest.version} and that schema, then start this version, which brings them up to date"
            )
        async with over_all(target.engines) as transaction:
            restoring = _Restoring(reader, manifest, target, Progress(tell), transaction=transaction)
            erased = await restoring.run(replace=replace)
    return await restoring.finish(erased)


class _Restoring:
    """One restore, under way."""

    def __init__(self, reader: ArchiveReader, manifest: Manifest, target: Target, progress: Progress, *, transaction: Transaction) -> None:
        self._reader = reader
        self._manifest = manifest
        self._target = target
        self._progress = progress
        self._in = transaction
        self._directory = SqlDirectory(self._in)
        self._rows: dict[tuple[str, str], int] = {}
        self._files: dict[str, set[str]] = {company: set() for company in manifest.companies if company != OPERATOR}
        self._tenants: list[Tenant] = []

    async def run(self, *, replace: bool) -> list[str]:
        """All rows and files; returns which companies were here before."""
        erased = await self._make_room(replace=replace)
        self._progress.expect(self._manifest.rows + self._manifest.files)
        await self._take_parts()
        self._check_counts()
        for company in {*erased, *self._files}:
            # Before the commit: an index that outlived it would be searched for Documents that are no more.
            await self._target.forget(company)
        for company in set(erased) - self._files.keys():
            # Before the commit, too: nothing but its rows would tell whoever was interrupted that something is left of it.
            await self._target.erase(company)
            await self._target.blobs.open(company).delete("")
        return erased

    async def finish(self, erased: list[str]) -> Restored:
        """What is done once the rows are there for good."""
        await self._drop_old_files(erased)
        locked = [tenant.company_id for tenant in self._tenants if not await asyncio.to_thread(self._target.opens, tenant)]
        return Restored(manifest=self._manifest, erased=erased, locked=locked)

    async def _make_room(self, *, replace: bool) -> list[str]:
        """Companies that have to go, once they are gone. Raises TENANT_EXISTS where that was not asked for."""
        there = [tenant.company_id for tenant in await self._directory.list_tenants()]
        in_the_way = there if self._manifest.company is None else [each for each in there if each == self._manifest.company]
        if in_the_way and not replace:
            some = ", ".join(in_the_way[:3]) + (" …" if len(in_the_way) > 3 else "")
            raise AppError(
                Code.TENANT_EXISTS,
                f"There is something here already ({some}). Restore into an empty installation, or erase what is here with --replace.",
            )
        for company in in_the_way:
            await self._directory.delete_tenant(company)
        return in_the_way

    async def _take_parts(self) -> None:
        parts = self._reader.parts()
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            name, file = part
            kind, company, rest = _place(name)
            if kind == "tables":
                await self._take_rows(OPERATOR if company == NOBODY else company, _table(name, rest), file)
            else:
                await self._take_file(company, rest, file)

    async def _take_rows(self, company: str, table: Table, file: IO[bytes]) -> None:
        if company not in self._manifest.companies:
            raise refused(f"it has rows of {company}, whom its manifest does not name")
        if company != OPERATOR:
            await self._in.act_for(company)
        statement = insert(table, self._in.dialect)
        # An operator's entry that is here already is the same one: nobody may delete it, so it stays.
        order = statement.on_conflict_do_nothing() if company == OPERATOR else statement
        for rows in await asyncio.to_thread(_pages, table, file):
            if any(row["company_id"] != company for row in rows):
                raise refused(f"a row of another company stands among those of {company}")
            if table.name == "tenants":
                self._tenants += [msgspec.json.decode(row["body"], type=Tenant) for row in rows]
            await self._in.write(order, rows)
            key = (company, table.name)
            self._rows[key] = self._rows.get(key, 0) + len(rows)
            self._progress.step(f"{company or 'operator'} {table.name}", len(rows))

    async def _take_file(self, company: str, key: str, file: IO[bytes]) -> None:
        if company not in self._files:
            raise refused(f"it has files of {company}, whom its manifest does not name")
        blobs = self._target.blobs.open(company)
        data = await asyncio.to_thread(file.read, IN_MEMORY + 1)
        if len(data) <= IN_MEMORY:
            await blobs.put(key, data)
        else:
            copy = await asyncio.to_thread(_copy, data, file)
            try:
                await blobs.put_file(key, copy)
            finally:
                copy.unlink()
        self._files[company].add(key)
        self._progress.step(f"{company} files")

    def _check_counts(self) -> None:
        """What was read is what the manifest says. It was verified before, so this is the last line of defence."""
        for company, counts in self._manifest.companies.items():
            found = {table: self._rows.get((company, table), 0) for table in counts.rows}
            if found != counts.rows or len(self._files.get(company, ())) != counts.files:
                raise refused(f"it does not hold what its manifest says of {company or 'the operator'}")

    async def _drop_old_files(self, erased: list[str]) -> None:
        for company in self._files.keys() & set(erased):
            blobs, kept = self._target.blobs.open(company), self._files[company]
            if not kept:
                await blobs.delete("")
                continue
            for key in await blobs.list(""):
                if key not in kept:
                    await blobs.delete(key)


def _place(name: str) -> tuple[str, str, str]:
    kind, _, rest = name.partition("/")
    company, _, rest = rest.partition("/")
    if kind not in ("tables", "files") or not company or not rest:
        raise refused(f"it has a part named {name}, which is unknown here")
    return kind, company, rest


def _table(name: str, rest: str) -> Table:
    table = _TABLES.get(rest.partition("/")[0])
    if table is None:
        raise refused(f"it has a part named {name}, which is unknown here")
    return table


def _pages(table: Table, file: IO[bytes]) -> list[list[dict[str, Any]]]:
    """The rows of a part, which is some megabytes, in lists that fit one statement."""
    pages: list[list[dict[str, Any]]] = [[]]
    for line in _lines(file):
        if len(pages[-1]) == _ROWS_AT_ONCE:
            pages.append([])
        pages[-1].append(from_line(table, line))
    return [page for page in pages if page]


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(file.read())) as plain:
        yield from io.BufferedReader(plain)


def _copy(begin: bytes, rest: IO[bytes]) -> Path:
    handle, name = tempfile.mkstemp()
    path = Path(name)
    with ExitStack() as unless_whole:
        unless_whole.callback(_remove, path)
        with os.fdopen(handle, "wb") as copy:
            copy.write(begin)
            while piece := rest.read(IN_MEMORY):
                copy.write(piece)
        unless_whole.pop_all()
    return path


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()

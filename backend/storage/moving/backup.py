"""A whole installation, or one company, as one archive: rows of one moment, and the files that go with them."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import IO, Final

import msgspec
import zstandard
from msgspec import Struct
from sqlalchemy import Table

from backend.core import clock
from backend.core.ports.blobs import BlobStore, BlobStores
from backend.core.ports.required import no_tenant
from backend.storage.moving.archive import IN_MEMORY, ArchiveWriter
from backend.storage.moving.files import copied, keys_as_they_come
from backend.storage.moving.manifest import CompanyCounts, Manifest
from backend.storage.moving.progress import Progress, Tell, silent
from backend.storage.sql.audit import OPERATOR
from backend.storage.sql.engine import Engines, newest_revision
from backend.storage.sql.snapshot import Snapshot, snapshot, tables_of
from backend.storage.sql.whole_rows import TABLES, Row, to_line

NOBODY: Final = "_operator"
"""Stands in a part's name for the operator, whose company_id is empty; a company_id has no underscore."""
_PART_BYTES: Final = 4 * 1024 * 1024
"""Rows are gathered up to this size and then compressed."""


class BackedUp(Struct, frozen=True, kw_only=True):
    """What became of a backup."""

    path: str
    bytes: int
    manifest: Manifest


class _Blob(Struct):
    """What is read of an attachment's row."""

    blob_key: str | None = None


async def back_up(
    engines: Engines,
    blobs: BlobStores,
    path: Path,
    *,
    version: str,
    company: str | None = None,
    overwrite: bool = False,
    tell: Tell = silent,
) -> BackedUp:
    """Write an archive of the installation, or of one company, while it is used. Raises TENANT_NOT_FOUND.

    The rows are of one moment. Files are copied after it: a file is written before the row that names it and never changed, so
    none is missing unless its Document was deleted meanwhile, and those are counted.
    """
    writer = await asyncio.to_thread(ArchiveWriter, path, overwrite=overwrite)
    try:
        manifest = await _write(engines, blobs, writer, version=version, company=company, tell=tell)
        size = await asyncio.to_thread(writer.finish, manifest)
    finally:
        writer.abandon()
    return BackedUp(path=str(path), bytes=size, manifest=manifest)


async def _write(engines: Engines, blobs: BlobStores, writer: ArchiveWriter, *, version: str, company: str | None, tell: Tell) -> Manifest:
    progress, counted = Progress(tell), dict[str, CompanyCounts]()
    made_at = clock.now()
    async with snapshot(engines) as still:
        companies = await chosen(still, company)
        for each in companies:
            for table in tables_of(each, TABLES):
                progress.expect(await still.count(table, each))
        for each in companies:
            counted[each] = await _write_company(still, blobs, writer, each, progress)
    return Manifest(
        version=version,
        revision=newest_revision(),
        made_at=made_at,
        company=company,
        companies=counted,
        parts=writer.parts,
        parts_sha256=writer.listed,
    )


async def chosen(still: Snapshot, company: str | None) -> list[str]:
    """The one company, or all and the operator. Raises TENANT_NOT_FOUND."""
    companies = await still.companies()
    if company is None:
        return [*companies, OPERATOR]
    if company not in companies:
        raise no_tenant(company)
    return [company]


async def _write_company(still: Snapshot, blobs: BlobStores, writer: ArchiveWriter, company: str, progress: Progress) -> CompanyCounts:
    counts = CompanyCounts()
    wanted: set[str] = set()
    for table in tables_of(company, TABLES):
        counts.rows[table.name] = await _write_table(still, writer, table, company, progress, wanted=wanted)
    if company != OPERATOR:
        await _write_files(blobs.open(company), writer, company, counts, wanted=wanted, progress=progress)
    return counts


async def _write_table(still: Snapshot, writer: ArchiveWriter, table: Table, company: str, progress: Progress, *, wanted: set[str]) -> int:
    rows = parts = 0
    lines = bytearray()

    async def part() -> None:
        nonlocal parts
        parts += 1
        await asyncio.to_thread(_add, writer, f"tables/{company or NOBODY}/{table.name}/{parts:06}.jsonl.zst", bytes(lines))
        lines.clear()

    async with aclosing(still.pages(table, company)) as pages:
        async for page in pages:
            for row in page:
                lines += to_line(table, row)
            wanted |= files_of(table, page)
            rows += len(page)
            progress.step(f"{company or 'operator'} {table.name}", len(page))
            if len(lines) >= _PART_BYTES:
                await part()
    if lines:
        await part()
    return rows


def files_of(table: Table, rows: Sequence[Row]) -> set[str]:
    """Keys of the files that rows name."""
    if table.name != "attachments":
        return set()
    named = (msgspec.json.decode(row["body"], type=_Blob).blob_key for row in rows)
    return {key for key in named if key is not None}


def _add(writer: ArchiveWriter, name: str, lines: bytes) -> None:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        file.write(zstandard.compress(lines))
        writer.add(name, file)


async def _write_files(
    blobs: BlobStore, writer: ArchiveWriter, company: str, counts: CompanyCounts, *, wanted: set[str], progress: Progress
) -> None:
    async for key in keys_as_they_come(blobs, progress.expect):
        async with copied(blobs, key) as file:
            if file is not None:
                counts.file_bytes += await _add_file(writer, f"files/{company}/{key}", file)
                counts.files += 1
                wanted.discard(key)
        progress.step(f"{company} files")
    counts.missing_files = len(wanted)


async def _add_file(writer: ArchiveWriter, name: str, file: IO[bytes]) -> int:
    return await asyncio.to_thread(writer.add, name, file)

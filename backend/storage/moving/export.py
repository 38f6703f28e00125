"""All that is kept of one company as a zip that any program opens: a file of JSON lines for each table, and its files."""

import asyncio
import zipfile
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Table

from backend.core.ports.blobs import BlobStore, BlobStores
from backend.storage.moving.aside import AsideFile
from backend.storage.moving.backup import chosen
from backend.storage.moving.files import copied, keys_as_they_come
from backend.storage.moving.progress import Progress, Tell, silent
from backend.storage.sql.engine import Engines
from backend.storage.sql.snapshot import Snapshot, snapshot
from backend.storage.sql.whole_rows import TABLES, Row, to_line

_PIECE: Final = 1024 * 1024
_KEPT_BACK: Final = {
    "tenants": ("sealed_data_key", "provider_keys"),
    "connections": ("credentials", "webhook"),
    "api_keys": ("key_hash",),
    "erasures": ("key", "person"),
}
"""What opens something, sealed or hashed: of no use to the company, and not to lie about."""
_DERIVED: Final = frozenset({"paid_results"})
"""A cache of what models returned; what they said stands in the Documents."""


class Exported(Struct, frozen=True, kw_only=True):
    """What was written."""

    path: str
    company_id: str
    bytes: int
    rows: dict[str, int]
    files: int


async def export(
    engines: Engines, blobs: BlobStores, company: str, path: Path, *, overwrite: bool = False, tell: Tell = silent
) -> Exported:
    """Write the zip aside and give it its name when it is whole; the rows are of one moment. Raises TENANT_NOT_FOUND."""
    aside = await asyncio.to_thread(AsideFile, path, overwrite=overwrite)
    try:
        async with snapshot(engines) as still:
            await chosen(still, company)
            rows, files = await _write(aside.file, still, blobs.open(company), company, Progress(tell))
        size = await asyncio.to_thread(aside.finish)
    finally:
        aside.abandon()
    return Exported(path=str(path), company_id=company, bytes=size, rows=rows, files=files)


async def _write(file: IO[bytes], still: Snapshot, blobs: BlobStore, company: str, progress: Progress) -> tuple[dict[str, int], int]:
    tables = [table for table in TABLES if table.name not in _DERIVED]
    progress.expect(sum([await still.count(table, company) for table in tables]))
    rows, files = dict[str, int](), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in tables:
            rows[table.name] = await _write_table(archive, still, table, company, progress)
        async for key in keys_as_they_come(blobs, progress.expect):
            async with copied(blobs, key) as copy:
                if copy is not None:
                    await asyncio.to_thread(_add, archive, f"files/{key}", copy)
                    files += 1
            progress.step("files")
    return rows, files


async def _write_table(archive: zipfile.ZipFile, still: Snapshot, table: Table, company: str, progress: Progress) -> int:
    count = 0
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as lines:
        async with aclosing(still.pages(table, company)) as pages:
            async for page in pages:
                await asyncio.to_thread(lines.write, b"".join(_line(table, row) for row in page))
                count += len(page)
                progress.step(table.name, len(page))
    return count


def _line(table: Table, row: Row) -> bytes:
    kept_back = _KEPT_BACK.get(table.name)
    if kept_back is None:
        return to_line(table, row)
    plain: dict[str, Any] = msgspec.json.decode(to_line(table, row))
    body = plain.get("body")
    for name in kept_back:
        plain.pop(name, None)
        if isinstance(body, dict):
            body.pop(name, None)
    return msgspec.json.encode(plain) + b"\n"


def _add(archive: zipfile.ZipFile, name: str, copy: IO[bytes]) -> None:
    copy.seek(0)
    with archive.open(name, "w", force_zip64=True) as part:
        while piece := copy.read(_PIECE):
            part.write(piece)

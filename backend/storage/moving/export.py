"""All that is kept of one company as a zip that any program opens: a file of JSON lines for each table, and its files."""

import asyncio
import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Table

from backend.core.errors import AppError, Code
from backend.core.model.export import EXPORTS
from backend.core.ports.blobs import BlobStore, BlobStores
from backend.core.ports.exports import Written
from backend.core.waiting import to_its_end
from backend.storage.moving.aside import AsideFile
from backend.storage.moving.backup import chosen
from backend.storage.moving.files import copied, keys_as_they_come
from backend.storage.moving.progress import Progress, Tell, silent
from backend.storage.sql.engine import Engines, open_engines
from backend.storage.sql.snapshot import Snapshot, snapshot
from backend.storage.sql.whole_rows import TABLES, Row, to_line

_PIECE: Final = 1024 * 1024
_KEPT_BACK: Final = {
    "tenants": ("sealed_data_key",),
    "connections": ("credentials", "webhook"),
    "api_keys": ("key_hash",),
    "erasures": ("key", "person"),
}
"""What opens something, sealed or hashed: of no use to the company, and not to lie about."""
_LEFT_OUT: Final = frozenset({"paid_results", "exports"})
"""A cache of what models returned, which stands in the Documents; and how exports go."""


class Exported(Struct, frozen=True, kw_only=True):
    """What the operator's command has written."""

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
        rows, files = await _write(aside.file, engines, blobs.open(company), company, Progress(tell))
        size = await asyncio.to_thread(aside.finish)
    finally:
        aside.abandon()
    return Exported(path=str(path), company_id=company, bytes=size, rows=rows, files=files)


class ZipExporter:
    """Exporter: the same zip among the company's own files. It reads over a connection of its own, as the company."""

    def __init__(self, url: str, blobs: BlobStores) -> None:
        self._url = url
        self._blobs = blobs

    async def write(self, company_id: str, key: str, tell: Tell) -> Written:
        """Write it aside on this machine, and then whole to where the company's files are."""
        engines, blobs = open_engines(self._url, pool_size=1), self._blobs.open(company_id)
        try:
            with _room_needed(), tempfile.NamedTemporaryFile(prefix="desklore-export-") as file:
                rows, files = await _write(file, engines, blobs, company_id, Progress(tell))
                size, sha256 = await asyncio.to_thread(_measured, file)
                await blobs.put_file(key, Path(file.name))
        finally:
            await to_its_end(engines.dispose())
        return Written(rows=rows, files=files, size=size, sha256=sha256)


@contextmanager
def _room_needed() -> Iterator[None]:
    """Raise STORAGE_FULL, which names no path, for what a disk can answer."""
    try:
        yield
    except OSError as error:
        raise AppError(
            Code.STORAGE_FULL, f"The server's folder for temporary files has no room for the export: {error.strerror or 'it failed'}."
        ) from error


def _measured(file: IO[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of all that was written."""
    file.flush()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]  # its wrapper has all that is asked of a file
    return file.tell(), digest.hexdigest()


async def _write(file: IO[bytes], engines: Engines, blobs: BlobStore, company: str, progress: Progress) -> tuple[dict[str, int], int]:
    tables = [table for table in TABLES if table.name not in _LEFT_OUT]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        async with snapshot(engines, company) as still:
            await chosen(still, company)
            progress.expect(sum([await still.count(table, company) for table in tables]))
            rows = {table.name: await _write_table(archive, still, table, company, progress) for table in tables}
        # No row is read any more: who waits to clean the database's files need not wait for copies.
        files = await _write_files(archive, blobs, progress)
    return rows, files


async def _write_files(archive: zipfile.ZipFile, blobs: BlobStore, progress: Progress) -> int:
    files = 0
    async for key in keys_as_they_come(blobs, progress.expect):
        if key.partition("/")[0] != EXPORTS:
            async with copied(blobs, key) as copy:
                if copy is not None:
                    await asyncio.to_thread(_add, archive, f"files/{key}", copy)
                    files += 1
        progress.step("files")
    return files


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

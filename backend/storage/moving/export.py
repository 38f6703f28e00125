"""All that is kept of one company as a zip that any program opens: a file of JSON lines for each table, and its files."""

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

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
from backend.storage.moving.files import keys_as_they_come
from backend.storage.moving.progress import Progress, Tell, silent
from backend.storage.sql.engine import Engines, open_engines
from backend.storage.sql.snapshot import snapshot
from backend.storage.sql.whole_rows import TABLES, Row, to_line

_PIECE: Final = 1024 * 1024
_KEPT_BACK: Final = {
    "tenants": ("sealed_data_key", "provider_keys"),
    "connections": ("credentials", "webhook"),
    "api_keys": ("key_hash", "signing"),
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
    zipping = _Zipping(engines, blobs.open(company), company, Progress(tell))
    try:
        async with aclosing(zipping.pieces()) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(aside.write, piece)
        size = await asyncio.to_thread(aside.finish)
    finally:
        aside.abandon()
    return Exported(path=str(path), company_id=company, bytes=size, rows=zipping.rows, files=zipping.files)


class ZipExporter:
    """Exporter: the same zip among the company's own files. It reads over a connection of its own, as the company."""

    def __init__(self, url: str, blobs: BlobStores) -> None:
        self._url = url
        self._blobs = blobs

    async def write(self, company_id: str, key: str, tell: Tell) -> Written:
        """Write it piece by piece to where the company's files are; it lies nowhere else."""
        engines, blobs = open_engines(self._url, pool_size=1), self._blobs.open(company_id)
        zipping = _Zipping(engines, blobs, company_id, Progress(tell))
        try:
            async with aclosing(zipping.pieces()) as pieces:
                await blobs.put_pieces(key, pieces)
        finally:
            await to_its_end(engines.dispose())
        return Written(rows=zipping.rows, files=zipping.files, size=zipping.pipe.size, sha256=zipping.pipe.digest.hexdigest())


class _Pipe:
    """What a zip is written to that can't go back: what was not taken yet; how much it was in all, and its SHA-256."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        """Keep it until it is taken."""
        self._waiting += data
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """It has gone as far as it goes."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def take(self, least: int = 1) -> bytes:
        """All that waits, once that is so much; else nothing."""
        if len(self._waiting) < least:
            return b""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class _Zipping:
    """One zip, and what is in it so far."""

    def __init__(self, engines: Engines, blobs: BlobStore, company: str, progress: Progress) -> None:
        self._engines = engines
        self._blobs = blobs
        self._company = company
        self._progress = progress
        self.pipe = _Pipe()
        self.rows: dict[str, int] = {}
        self.files = 0

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Its bytes, as they come. Close it when done (`aclosing`)."""
        with zipfile.ZipFile(self.pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            # No row is read any more while files are copied: who waits to clean the database's files need not wait so long.
            for write in (self._write_rows, self._write_files):
                async with aclosing(write(archive)) as steps:
                    async for _ in steps:
                        if piece := self.pipe.take(_PIECE):
                            yield piece
        yield self.pipe.take()

    async def _write_rows(self, archive: zipfile.ZipFile) -> AsyncGenerator[None, None]:
        tables = [table for table in TABLES if table.name not in _LEFT_OUT]
        async with snapshot(self._engines, self._company) as still:
            await chosen(still, self._company)
            self._progress.expect(sum([await still.count(table, self._company) for table in tables]))
            for table in tables:
                # SQLAlchemy's own kind of text is none that others can write down.
                name = str(table.name)
                self.rows[name] = 0
                with archive.open(f"{name}.jsonl", "w", force_zip64=True) as lines:
                    async with aclosing(still.pages(table, self._company)) as pages:
                        async for page in pages:
                            await asyncio.to_thread(lines.write, b"".join(_line(table, row) for row in page))
                            self.rows[name] += len(page)
                            self._progress.step(name, len(page))
                            yield

    async def _write_files(self, archive: zipfile.ZipFile) -> AsyncGenerator[None, None]:
        async for key in keys_as_they_come(self._blobs, self._progress.expect):
            if key.partition("/")[0] != EXPORTS:
                async with aclosing(self._write_file(archive, key)) as steps:
                    async for _ in steps:
                        yield
            self._progress.step("files")

    async def _write_file(self, archive: zipfile.ZipFile, key: str) -> AsyncGenerator[None, None]:
        """One file as it is read; nothing where it is gone by then."""
        pieces = self._blobs.read(key)
        try:
            piece = await anext(pieces, None)
        except AppError as error:
            if error.code is not Code.ATTACHMENT_NOT_FOUND:
                raise
            return
        with archive.open(f"files/{key}", "w", force_zip64=True) as part:
            while piece is not None:
                await asyncio.to_thread(part.write, piece)
                yield
                piece = await _following(pieces)
        self.files += 1


async def _following(pieces: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await anext(pieces, None)
    except AppError as error:
        if error.code is not Code.ATTACHMENT_NOT_FOUND:
            raise
        # Half of it is in the zip already, which can't go back.
        raise AppError(Code.STORAGE_UNAVAILABLE, "A file was deleted while it was copied. Export once more.") from error


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

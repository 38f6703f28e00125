"""The catalog between two syncs: packed, among the company's own files."""

import asyncio
import tempfile
from pathlib import Path
from typing import IO, Final

import zstandard

from backend.adapters.file.catalog import Catalog
from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStore

_LEVEL: Final = 3
_NAME: Final = "catalog.db.zst"


async def load_catalog(blobs: BlobStore | None, kept: str) -> Catalog:
    """The catalog as it was kept in this folder, or an empty one."""
    if blobs is None:
        return await asyncio.to_thread(Catalog)
    with tempfile.TemporaryFile(prefix="desklore-") as packed:
        try:
            async for piece in blobs.read(f"{kept}/{_NAME}"):
                packed.write(piece)
        except AppError as error:
            if error.code is not Code.ATTACHMENT_NOT_FOUND:
                raise
            return await asyncio.to_thread(Catalog)
        packed.seek(0)
        return await asyncio.to_thread(_unpacked, packed)


async def save_catalog(catalog: Catalog, blobs: BlobStore | None, kept: str) -> None:
    """Keep it."""
    if blobs is None:
        return
    with tempfile.NamedTemporaryFile(prefix="desklore-") as packed:
        await asyncio.to_thread(_pack, catalog.path, Path(packed.name))
        await blobs.put_file(f"{kept}/{_NAME}", Path(packed.name))


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

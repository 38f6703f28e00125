"""One company's files, each read once, hashed, and never whole in memory where it is large."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, Final

from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStore
from backend.storage.moving.archive import IN_MEMORY

_ARCHIVE: Final = "raw"
_LOOKS: Final = 3
"""Whoever is done by then has all that was there at the beginning."""


@asynccontextmanager
async def copied(blobs: BlobStore, key: str) -> AsyncIterator[IO[bytes] | None]:
    """A temporary copy of a file; None where there is none any more."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        try:
            async for piece in blobs.read(key):
                file.write(piece)
        except AppError as error:
            if error.code is not Code.ATTACHMENT_NOT_FOUND:
                raise
            yield None
            return
        yield file


async def keys_as_they_come(blobs: BlobStore, tell: Callable[[int], None]) -> AsyncIterator[str]:
    """The keys of a company's files, and of those that came to the archive meanwhile: they may hold what others held that are gone.

    `tell` is told how many more there are.
    """
    keys = await blobs.list("")
    seen: set[str] = set()
    for _ in range(_LOOKS):
        tell(len(keys))
        for key in keys:
            yield key
        seen.update(keys)
        keys = [key for key in await blobs.list(_ARCHIVE) if key not in seen]
        if not keys:
            return


async def hash_of(blobs: BlobStore, key: str) -> str | None:
    """SHA-256 of a file; None where there is none."""
    digest = hashlib.sha256()
    try:
        async for piece in blobs.read(key):
            digest.update(piece)
    except AppError as error:
        if error.code is not Code.ATTACHMENT_NOT_FOUND:
            raise
        return None
    return digest.hexdigest()

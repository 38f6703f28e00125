"""One company's files, each read once, hashed, and never whole in memory where it is large."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStore
from backend.storage.moving.archive import IN_MEMORY


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

"""Files of one tenant: raw payloads, attachments, uploads, exports."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """One tenant's files by key (`raw/freshdesk/…`, `attachments/…`): keys can't leave the tenant's prefix.

    Raises AppError(STORAGE_FULL) when the disk is full; a half-written file is never seen.
    """

    async def put(self, key: str, data: bytes) -> None:
        """Write or replace, atomically."""
        ...

    async def put_file(self, key: str, path: Path) -> None:
        """Write or replace from a local file, atomically; the file is left where it is."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The whole file, None where there is none."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes from `start` up to and without `end`, in pieces."""
        ...

    async def size(self, key: str) -> int | None:
        """In bytes, None where there is no such file."""
        ...

    async def list(self, prefix: str) -> list[str]:
        """Keys under a prefix, sorted."""
        ...

    async def delete(self, prefix: str) -> int:
        """Delete a file or everything under a prefix (`""`: everything of the tenant); returns how many files."""
        ...


class BlobStores(Protocol):
    """The files of all tenants, and nothing but opening them."""

    def open(self, company_id: str) -> BlobStore:
        """The tenant's files."""
        ...

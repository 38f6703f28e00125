"""Files of one tenant: raw payloads, attachments, uploads, exports."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct


class UploadLink(Struct, frozen=True, kw_only=True):
    """Where somebody without any other right PUTs the bytes of one file."""

    url: str
    headers: dict[str, str]
    """What has to be sent with them, as it is."""


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

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Write or replace with what comes, atomically and never whole in memory; where it breaks off, nothing is written."""
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

    async def link(self, key: str, *, seconds: int, content_type: str, disposition: str) -> str | None:
        """A URL that gives the file, for so long, to whoever has it; None where the store can't make one.

        The answer has these values in Content-Type and Content-Disposition. Whether there is such a file is not looked up.
        """
        ...

    async def upload_link(self, key: str, *, seconds: int, size: int, sha256: str | None) -> UploadLink | None:
        """A link that writes this one file, for so long, of exactly this size and (in hex) hash; None where the store can't make one."""
        ...


class BlobStores(Protocol):
    """The files of all tenants, and nothing but opening them."""

    def open(self, company_id: str) -> BlobStore:
        """The tenant's files."""
        ...

    async def ping(self) -> None:
        """Raises STORAGE_UNAVAILABLE when the store does not answer."""
        ...

"""What became of a tenant's attachments."""

from collections.abc import Collection, Sequence
from typing import Protocol

from backend.core.model.document import AttachmentFile


class AttachmentStore(Protocol):
    """What became of attachments."""

    async def put(self, files: Sequence[AttachmentFile]) -> None:
        """Insert or replace."""
        ...

    async def get(self, attachment_id: str) -> AttachmentFile | None:
        """One by id."""
        ...

    async def waiting(self, limit: int) -> list[AttachmentFile]:
        """Up to `limit` whose pictures are still to be read."""
        ...

    async def of(self, document_ids: Collection[str]) -> list[AttachmentFile]:
        """All of these Documents, in one query."""
        ...

    async def in_use(self, blob_keys: Collection[str], *, without: Collection[str]) -> list[str]:
        """Those of these files that an attachment of a Document not among `without` is: the same content is kept once for all.

        Reads many rows.
        """
        ...

    async def delete(self, document_ids: Collection[str]) -> None:
        """Forget all of these Documents; their blobs are the caller's to delete."""
        ...

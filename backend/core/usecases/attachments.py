"""Handing out an attachment's bytes to those who may see it."""

from collections.abc import AsyncIterator

from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.document import AttachmentFile
from backend.core.model.sight import is_there
from backend.core.model.tenant import Caller
from backend.core.ports.blobs import BlobStore
from backend.core.ports.services import Services


class OpenedAttachment(Struct, frozen=True, kw_only=True):
    """An attachment that may be read."""

    file: AttachmentFile
    blob_key: str
    size: int
    """Of the bytes we keep."""
    blobs: BlobStore

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes from `start` up to and without `end`, in pieces."""
        return self.blobs.read(self.blob_key, start, end)


async def open_attachment(services: Services, company_id: str, attachment_id: str, *, caller: Caller) -> OpenedAttachment:
    """Find an attachment and note who asked. Raises ATTACHMENT_NOT_FOUND, also where it is not for this caller."""
    missing = AppError(Code.ATTACHMENT_NOT_FOUND, f"There is no attachment {attachment_id}, or its file was not kept.")
    async with services.database.open(company_id) as uow:
        file = await uow.attachments.get(attachment_id)
        document = await uow.documents.get(file.document_id) if file is not None else None
        if file is None or file.blob_key is None or not is_there(caller, document) or (file.internal and not caller.sees_internal):
            raise missing
        blobs = services.blobs.open(company_id)
        size = await blobs.size(file.blob_key)
        if size is None:
            raise missing
        await uow.audit.add(caller.audited("attachment.read", attachment_id))
    return OpenedAttachment(file=file, blob_key=file.blob_key, size=size, blobs=blobs)

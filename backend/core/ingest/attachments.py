"""Fetch an item's attachments, keep their bytes, read their text; a bad file is recorded and stops nothing."""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import IO, Protocol

import msgspec
from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.document import AttachmentFile, AttachmentState
from backend.core.model.sync import ItemRef
from backend.core.model.ticket import Attachment
from backend.core.ports.blobs import BlobStore
from backend.core.ports.extract import Extracted, TextExtractor, TextPiece

OPAQUE = "application/octet-stream"
_BY_CONTENT = "attachments/by-content"
SMALL_BYTES = 512 * 1024
"""Files up to this size are held in memory, and few at a time are."""
STOPS_THE_RUN = frozenset({Code.SOURCE_RATE_LIMITED, Code.STORAGE_FULL, Code.STORAGE_UNAVAILABLE})
"""Everything else concerns one file: the ticket is taken without it and says so."""
MAY_WORK_LATER = frozenset({Code.SOURCE_UNAVAILABLE, Code.SOURCE_MALFORMED})


class ReadFile(Struct, frozen=True, kw_only=True):
    """An attachment with what became of it and the text that was in it."""

    attachment: Attachment
    file: AttachmentFile
    pieces: tuple[TextPiece, ...] = ()
    pictured: bool = False
    """Some of the text is from pictures."""

    @property
    def may_work_later(self) -> bool:
        """Whether the item should be read again because of this file."""
        return self.file.error_code in MAY_WORK_LATER


class Downloading(Protocol):
    """What of a Source is needed for files."""

    def download(self, attachment: Attachment, ref: ItemRef, /) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of an attachment of the item `ref`, streamed."""
        ...


class Reader(Struct, frozen=True, kw_only=True):
    """Where attachments come from and where they go."""

    platform: str
    source: Downloading
    blobs: BlobStore
    extractor: TextExtractor
    max_bytes: int


def attachment_id(platform: str, original_id: str) -> str:
    """Unique within the tenant, and fit for a URL."""
    return f"{platform}-{original_id}"


async def read_attachments(
    reader: Reader, ref: ItemRef, attachments: Sequence[Attachment], *, document_id: str, known: Collection[AttachmentFile]
) -> list[ReadFile]:
    """Every attachment of an item, in order. Those kept before with the same size are not downloaded again.

    The same content is kept once in a tenant and read once, however many tickets carry it: a logo in every signature.

    Raises only what concerns the whole source or the disk.
    """
    before = {file.original_id: file for file in known if file.blob_key is not None}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_one(reader, ref, each, document_id, before.get(each.original_id))) for each in attachments]
    except* AppError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def refuse_unread(files: Sequence[ReadFile]) -> None:
    """Raise what is the matter with a file that is all there is of its item."""
    for read in files:
        if read.attachment.essential and read.file.error_code is not None:
            raise AppError(Code(read.file.error_code), read.file.error_message)


async def _one(reader: Reader, ref: ItemRef, attachment: Attachment, document_id: str, before: AttachmentFile | None) -> ReadFile:
    if before is not None and before.size == attachment.size:
        file = msgspec.structs.replace(before, document_id=document_id, internal=attachment.internal)
        stored = await _stored_text(reader.blobs, before)
        if stored is None:
            return ReadFile(attachment=attachment, file=file)
        return ReadFile(attachment=attachment, file=file, pieces=stored.pieces, pictured=stored.pictured)
    file = _unread(reader.platform, attachment, document_id)
    # A small file never touches the disk on its way to the store and to its reader.
    small = 0 < attachment.size <= SMALL_BYTES
    with io.BytesIO() if small else tempfile.NamedTemporaryFile(prefix="desklore-") as scratch:
        try:
            size, digest = await _download(reader, ref, attachment, scratch)
        except AppError as error:
            return ReadFile(attachment=attachment, file=_failed(file, error))
        content = scratch.getvalue() if isinstance(scratch, io.BytesIO) else Path(scratch.name)
        file = msgspec.structs.replace(file, size=size, sha256=digest, blob_key=f"{_BY_CONTENT}/{digest[:2]}/{digest}/file")
        # Text is kept after the content it is from: where there is some, both are there.
        extracted = await _stored_text(reader.blobs, file)
        if extracted is None:
            await _keep_content(reader.blobs, file, content)
            try:
                extracted = await reader.extractor.extract(content, attachment.name, ocr=False)
            except AppError as error:
                return ReadFile(attachment=attachment, file=_failed(file, error))
            await _keep_text(reader.blobs, file, extracted)
    return ReadFile(attachment=attachment, file=_with_text(file, extracted), pieces=extracted.pieces, pictured=extracted.pictured)


class Keeping(Struct, frozen=True, kw_only=True):
    """Where the texts of stored files are had from."""

    platform: str
    blobs: BlobStore
    extractor: TextExtractor
    anew: Callable[[str], bool]
    """Whether the file of this key is to be read anew, whatever was read of it before."""
    keep: bool
    """Whether to keep what is read."""


async def stored_attachments(
    keeping: Keeping, attachments: Sequence[Attachment], *, document_id: str, known: Collection[AttachmentFile]
) -> list[ReadFile]:
    """Every attachment of an item, in order, and none of them downloaded: one that was never fetched is left to the next sync."""
    before = {file.original_id: file for file in known}
    return [await _stored(keeping, each, document_id, before.get(each.original_id)) for each in attachments]


async def _stored(keeping: Keeping, attachment: Attachment, document_id: str, before: AttachmentFile | None) -> ReadFile:
    if before is None:
        error = AppError(Code.SOURCE_UNAVAILABLE, "It was not fetched before, so the next sync does.")
        return ReadFile(attachment=attachment, file=_failed(_unread(keeping.platform, attachment, document_id), error))
    file = msgspec.structs.replace(before, document_id=document_id, internal=attachment.internal)
    if file.blob_key is None or await keeping.blobs.size(file.blob_key) is None:
        return ReadFile(attachment=attachment, file=file)
    stored = await _stored_text(keeping.blobs, file)
    lost = stored is None and file.state in (AttachmentState.READ, AttachmentState.WAITING)
    if lost or keeping.anew(file.blob_key):
        # What was recognized in its pictures is recognized at once, so that the text is not poorer in between.
        ocr = stored is not None and stored.pictured
        file = msgspec.structs.replace(file, error_code=None, error_message="")
        file, stored = await _read_stored(keeping.blobs, keeping.extractor, file, ocr=ocr, keep=keeping.keep)
    if stored is None:
        return ReadFile(attachment=attachment, file=file)
    return ReadFile(attachment=attachment, file=file, pieces=stored.pieces, pictured=stored.pictured)


async def read_pictures(blobs: BlobStore, extractor: TextExtractor, file: AttachmentFile) -> tuple[AttachmentFile, tuple[TextPiece, ...]]:
    """Read a stored file again, this time with the words in its pictures: what became of it, and all its text."""
    if file.blob_key is None:
        return msgspec.structs.replace(file, state=AttachmentState.KEPT), ()
    stored = await _stored_text(blobs, file)
    if stored is not None and not stored.waiting:
        # Another ticket carries the same picture.
        return _with_text(file, stored), stored.pieces
    file, extracted = await _read_stored(blobs, extractor, file, ocr=True, keep=True)
    return file, () if extracted is None else extracted.pieces


async def _read_stored(
    blobs: BlobStore, extractor: TextExtractor, file: AttachmentFile, *, ocr: bool, keep: bool
) -> tuple[AttachmentFile, Extracted | None]:
    """Read a file that is stored: what became of it, and what was in it unless it can't be read."""
    with tempfile.NamedTemporaryFile(prefix="desklore-") as scratch:
        async for piece in blobs.read(str(file.blob_key)):
            scratch.write(piece)
        scratch.flush()
        try:
            extracted = await extractor.extract(Path(scratch.name), file.name, ocr=ocr)
        except AppError as error:
            return _failed(file, error), None
    if ocr:
        # Once is enough: what is not recognized now is not recognized for the next ticket either.
        extracted = msgspec.structs.replace(extracted, waiting=False, pictured=True)
    if keep:
        await _keep_text(blobs, file, extracted)
    return _with_text(file, extracted), extracted


def _unread(platform: str, attachment: Attachment, document_id: str) -> AttachmentFile:
    """A file of which nothing is known but what the helpdesk says."""
    return AttachmentFile(
        attachment_id=attachment_id(platform, attachment.original_id),
        document_id=document_id,
        original_id=attachment.original_id,
        name=attachment.name,
        content_type=OPAQUE,
        size=attachment.size,
        internal=attachment.internal,
        state=AttachmentState.FAILED,
    )


async def _keep_content(blobs: BlobStore, file: AttachmentFile, content: bytes | Path) -> None:
    key = str(file.blob_key)
    if isinstance(content, bytes):
        # To write a small file again costs no more than to ask whether it is there.
        await blobs.put(key, content)
    elif await blobs.size(key) != file.size:
        await blobs.put_file(key, content)


async def _keep_text(blobs: BlobStore, file: AttachmentFile, extracted: Extracted) -> None:
    """Keep a file's text beside it, so that it is never read twice."""
    await blobs.put(text_key(file), msgspec.json.encode(extracted))


def _with_text(file: AttachmentFile, extracted: Extracted) -> AttachmentFile:
    state = AttachmentState.READ if extracted.pieces else AttachmentState.KEPT
    state = AttachmentState.WAITING if extracted.waiting else state
    return msgspec.structs.replace(file, content_type=extracted.content_type, state=state)


async def _download(reader: Reader, ref: ItemRef, attachment: Attachment, out: IO[bytes]) -> tuple[int, str]:
    """Write the bytes to `out`, at most `max_bytes` of them; returns size and SHA-256."""
    too_large = AppError(
        Code.ATTACHMENT_TOO_LARGE,
        f"{attachment.name} is larger than {reader.max_bytes:,} bytes; raise DESKLORE_ATTACHMENT_MAX_BYTES to keep such files.",
    )
    if attachment.size > reader.max_bytes:
        raise too_large
    most = attachment.size or reader.max_bytes
    digest = hashlib.sha256()
    size = 0
    try:
        async with reader.source.download(attachment, ref) as stream:
            async for piece in stream:
                size += len(piece)
                if size > most:
                    break
                digest.update(piece)
                out.write(piece)  # Pieces of some 64 kB to a local file: a thread would cost more.
        out.flush()
    except OSError as error:
        raise AppError(Code.STORAGE_FULL, f"No room to keep {attachment.name}: {error.strerror}. Free disk space.") from error
    if size == 0:
        raise AppError(Code.ATTACHMENT_EMPTY, f"{attachment.name} has no bytes on the helpdesk.")
    if attachment.size and size != attachment.size:
        # A log-in or error page comes with HTTP 200 too, and would be kept as the file for ever.
        given = "more" if size > most else f"{size:,}"
        message = f"The helpdesk announced {attachment.size:,} bytes and gave {given}; the next sync asks again."
        raise AppError(Code.SOURCE_MALFORMED, message)
    if size > most:
        raise too_large
    return size, digest.hexdigest()


async def _stored_text(blobs: BlobStore, file: AttachmentFile) -> Extracted | None:
    data = await blobs.get(text_key(file))
    return msgspec.json.decode(data, type=Extracted) if data else None


def text_key(file: AttachmentFile) -> str:
    """Where the text of a stored file is kept."""
    return f"{str(file.blob_key).rpartition('/')[0]}/text.json"


def _failed(file: AttachmentFile, error: AppError) -> AttachmentFile:
    if error.code in STOPS_THE_RUN:
        raise error
    return msgspec.structs.replace(file, state=AttachmentState.FAILED, error_code=error.code.value, error_message=error.message)

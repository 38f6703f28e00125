"""Uploads in three steps: announced, its bytes put where they were told to, committed; and forgotten where nobody commits (SPEC E4)."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from backend.core import clock, ids
from backend.core.errors import AppError, Code, Kind
from backend.core.ingest.pipeline.uploaded import connection_of_files, keep_uploaded, measured, note_of_file, tools_of
from backend.core.model.auth import TenantCaller
from backend.core.model.upload import ANNOUNCED, INCOMING, PendingUpload, Upload, announced_key
from backend.core.ports.blobs import BlobStore, UploadLink
from backend.core.ports.services import Services

LINK: Final = timedelta(minutes=15)
"""How long bytes are taken. A link can't be taken back, not even when its company is deleted: it lives as long as it takes to begin."""
ABANDONED: Final = timedelta(days=1)
"""So long after that an upload can be committed: sending a large file may have taken hours."""
_UNREADABLE: Final = (Kind.INVALID, Kind.TOO_LARGE)


class Announced(Struct, frozen=True, kw_only=True):
    """What somebody is about to upload."""

    name: str
    size: int
    """In bytes."""
    sha256: str | None = None
    """In hex."""


class Begun(Struct, frozen=True, kw_only=True):
    """An upload that was begun."""

    upload: PendingUpload
    link: UploadLink | None
    """Where the store itself takes the bytes; None: the API does."""


async def begin_upload(services: Services, caller: TenantCaller, connection_id: str, announced: Announced, *, direct: bool) -> Begun:
    """Say where a file's bytes go, before they are sent; with `direct`, to the store itself where clients may reach it.

    Raises CONNECTION_NOT_FOUND, INVALID_REQUEST for a name without a reader, ATTACHMENT_TOO_LARGE and ATTACHMENT_EMPTY.
    """
    connection = await connection_of_files(services, caller.company_id, connection_id)
    name, most = tools_of(services).check_name(announced.name), services.policy.upload_max_bytes
    if announced.size > most:
        raise AppError(
            Code.ATTACHMENT_TOO_LARGE,
            f"{name} has {announced.size:,} bytes; DESKLORE_FILE_UPLOAD_MAX_BYTES allows {most:,}.",
        )
    if not announced.size:
        raise AppError(Code.ATTACHMENT_EMPTY, f"{name} has no bytes.")
    upload = PendingUpload(
        upload_id=ids.new_id("upload"),
        connection_id=connection_id,
        name=name,
        size=announced.size,
        sha256=announced.sha256,
        expires_at=clock.now() + LINK,
    )
    blobs = services.blobs.open(caller.company_id)
    # Before the link is told: bytes that nobody announced are swept away.
    await blobs.put(announced_key(connection_id, upload.upload_id), msgspec.json.encode(upload))
    await note_of_file(services, caller, "file.upload.begin", connection, name)
    link = None
    if direct and services.policy.blob_redirect_seconds:
        link = await blobs.upload_link(upload.content_key, seconds=int(LINK.total_seconds()), size=upload.size, sha256=upload.sha256)
    return Begun(upload=upload, link=link)


async def expected_upload(services: Services, company_id: str, connection_id: str, upload_id: str) -> PendingUpload:
    """The upload whose bytes may be put now. Raises UPLOAD_NOT_FOUND."""
    upload = await _pending(services.blobs.open(company_id), connection_id, upload_id)
    if upload.expires_at <= clock.now():
        raise AppError(Code.UPLOAD_NOT_FOUND, f"The time to send {upload.name} is over; begin the upload anew.")
    return upload


async def put_upload(services: Services, company_id: str, upload: PendingUpload, path: Path) -> None:
    """Keep a local file as the bytes of an upload, in place of those that came before."""
    await services.blobs.open(company_id).put_file(upload.content_key, path)


async def commit_upload(services: Services, caller: TenantCaller, connection_id: str, upload_id: str) -> list[Upload]:
    """Check what came, by whichever way, and keep it for the next sync as any other upload; of a zip what is in it.

    Raises CONNECTION_NOT_FOUND, UPLOAD_NOT_FOUND, INVALID_REQUEST where nothing came or something else than was announced, and what
    `keep_uploaded` raises. What can't be taken is deleted; it may be sent again while there is time.
    """
    connection = await connection_of_files(services, caller.company_id, connection_id)
    blobs = services.blobs.open(caller.company_id)
    upload = await _pending(blobs, connection_id, upload_id)
    came = await blobs.size(upload.content_key)
    if came is None:
        raise AppError(Code.INVALID_REQUEST, f"No byte of {upload.name} has come yet; send it to its upload_url first.")
    try:
        _check_size(upload, came)
        with tempfile.NamedTemporaryFile(prefix="desklore-") as copy:
            # What is checked is what is kept: until its link is over, the original could be replaced behind the check.
            await _fetch(blobs, upload, copy)
            await _check_hash(upload, Path(copy.name))
            uploads = await keep_uploaded(services, caller.company_id, connection_id, Path(copy.name), upload.name)
    except AppError as error:
        if error.kind in _UNREADABLE:
            await blobs.delete(upload.content_key)
        raise
    await note_of_file(services, caller, "file.upload", connection, upload.name)
    await blobs.delete(upload.folder)
    return uploads


async def forget_abandoned_uploads(services: Services) -> int:
    """Delete what was announced or sent and not committed in time, of every tenant; returns how many uploads. Safe to repeat."""
    async with services.database.directory() as directory:
        tenants = await directory.list_tenants()
    return sum([await _forget(services.blobs.open(tenant.company_id)) for tenant in tenants])


async def _forget(blobs: BlobStore) -> int:
    keys = await blobs.list(INCOMING)
    forgotten = 0
    for folder in sorted({key.rpartition("/")[0] for key in keys}):
        upload = await _announced(blobs, f"{folder}/{ANNOUNCED}")
        # Bytes without an announcement came by a link after the upload had ended.
        if upload is None or upload.expires_at + ABANDONED <= clock.now():
            await blobs.delete(folder)
            forgotten += 1
    return forgotten


async def _pending(blobs: BlobStore, connection_id: str, upload_id: str) -> PendingUpload:
    upload = await _announced(blobs, announced_key(connection_id, upload_id))
    if upload is None or upload.expires_at + ABANDONED <= clock.now():
        raise AppError(Code.UPLOAD_NOT_FOUND)
    return upload


async def _announced(blobs: BlobStore, key: str) -> PendingUpload | None:
    data = await blobs.get(key)
    try:
        return msgspec.json.decode(data, type=PendingUpload) if data is not None else None
    except msgspec.MsgspecError:
        # Of another version; to announce it anew costs less than to read it.
        return None


def _check_size(upload: PendingUpload, came: int) -> None:
    if came != upload.size:
        code = Code.ATTACHMENT_TOO_LARGE if came > upload.size else Code.INVALID_REQUEST
        raise AppError(code, f"{upload.name} was announced with {upload.size:,} bytes, but another number came; send it again, or anew.")


async def _fetch(blobs: BlobStore, upload: PendingUpload, copy: IO[bytes]) -> None:
    """The bytes as a local file, in pieces; never more than were announced."""
    size = 0
    async for piece in blobs.read(upload.content_key, 0, upload.size + 1):
        size += len(piece)
        await asyncio.to_thread(copy.write, piece)
    await asyncio.to_thread(copy.flush)
    _check_size(upload, size)


async def _check_hash(upload: PendingUpload, path: Path) -> None:
    if upload.sha256 is not None and (await asyncio.to_thread(measured, path))[1] != upload.sha256:
        raise AppError(Code.INVALID_REQUEST, f"What came of {upload.name} has another SHA-256 than was announced; send it again.")

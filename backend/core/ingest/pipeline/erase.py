"""What is left of deleted items goes too: their payloads in the raw archive, and their files unless another item has the same."""

import asyncio
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

import zstandard

from backend.core.ingest.pipeline.archive import beginning_of, folder_of
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.ports.blobs import BlobStore
from backend.core.ports.services import Services

_AT_ONCE: Final = 500
"""Items for which the archive is gone through once."""


async def erase_leftovers(services: Services, company_id: str, connection: Connection) -> int:
    """Erase what is left of a connection's deleted items; returns how many files were deleted or written without them.

    A tombstone says until then that something is left: whoever is killed here is followed up by the next run.
    """
    blobs = services.blobs.open(company_id)
    changed = 0
    while True:
        async with services.database.open(company_id) as uow:
            buried = await uow.documents.buried(connection.connection_id, _AT_ONCE)
        if not buried:
            return changed
        changed += await erase_files(services, company_id, list(buried))
        changed += await _erase_payloads(blobs, connection, set(buried.values()))
        async with services.database.open(company_id) as uow:
            await uow.documents.erased(list(buried))


async def erase_files(services: Services, company_id: str, document_ids: Collection[str]) -> int:
    """Delete the attachments of Documents; returns how many files that were. What another Document carries too stays."""
    blobs = services.blobs.open(company_id)
    async with services.database.open(company_id) as uow:
        attachments = await uow.attachments.of(document_ids)
        keys = {each.blob_key for each in attachments if each.blob_key}
        shared = await uow.attachments.in_use(keys, without=document_ids) if keys else []
    # An attachment's folder also holds the text that was read from it.
    files = sum([await blobs.delete(folder) for folder in sorted({str(PurePosixPath(key).parent) for key in keys.difference(shared)})])
    if attachments:
        async with services.database.open(company_id) as uow:
            await uow.attachments.delete(document_ids)
    return files


async def _erase_payloads(blobs: BlobStore, connection: Connection, items: Collection[tuple[DocType, str]]) -> int:
    """Write the files of the archive that hold these items anew without them; returns how many those were."""
    gone = tuple(beginning_of(doc_type, original_id) for doc_type, original_id in items)
    changed = 0
    for key in await blobs.list(folder_of(connection)):
        packed = await blobs.get(key)
        left = None if packed is None else await asyncio.to_thread(_without, packed, gone)
        if left is None:
            continue
        changed += 1
        await (blobs.put(key, left) if left else blobs.delete(key))
    return changed


def _without(packed: bytes, gone: tuple[bytes, ...]) -> bytes | None:
    """A file of the archive without the lines that begin so, empty where nothing is left; None where there are no such lines."""
    lines = zstandard.decompress(packed).split(b"\n")
    kept = [line for line in lines if not line.startswith(gone)]
    if len(kept) == len(lines):
        return None
    return zstandard.compress(b"\n".join(kept)) if kept else b""

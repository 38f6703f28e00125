"""What is left of deleted items goes too: their payloads in the raw archive, and their files unless another item has the same."""

import asyncio
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

import zstandard

from backend.core.ingest.pipeline.archive import beginning_in, beginning_of, folder_of
from backend.core.ingest.pipeline.whereabouts import Whereabouts, mark_of
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.ports.blobs import BlobStore
from backend.core.ports.services import Services

_AT_ONCE: Final = 5_000
"""Items for which the list of the archive's files is gone through once."""


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
        changed += await erase_payloads(blobs, connection, set(buried.values()))
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


async def erase_payloads(blobs: BlobStore, connection: Connection, items: Collection[tuple[DocType, str]]) -> int:
    """Write the files of the archive that hold these items anew without them; returns how many those were.

    Only those are read that hold one of them, and those that came since something was erased last.
    """
    gone = {mark_of(beginning_of(doc_type, original_id)) for doc_type, original_id in items}
    keys = await blobs.list(folder_of(connection))
    known = Whereabouts(blobs, connection)
    await known.load([_name_of(key) for key in keys])
    changed = 0
    for key in keys:
        if not known.may_hold(_name_of(key), gone):
            continue
        packed = await blobs.get(key)
        if packed is None:
            continue
        marks, left = await asyncio.to_thread(_without, packed, gone)
        if left is not None:
            changed += 1
            await (blobs.put(key, left) if left else blobs.delete(key))
        # With those that are gone: what a backup brings back must not be taken for erased.
        known.note(_name_of(key), marks)
    await known.save()
    return changed


def _name_of(key: str) -> str:
    return key.rpartition("/")[2]


def _without(packed: bytes, gone: Collection[bytes]) -> tuple[list[bytes], bytes | None]:
    """The marks of what a file of the archive holds, and the file without the items that are gone.

    Empty where nothing is left; None where it holds none of them.
    """
    lines = zstandard.decompress(packed).split(b"\n")
    marks = [mark_of(beginning_in(line)) for line in lines]
    kept = [line for mark, line in zip(marks, lines, strict=True) if mark not in gone]
    if len(kept) == len(lines):
        return marks, None
    return marks, zstandard.compress(b"\n".join(kept)) if kept else b""

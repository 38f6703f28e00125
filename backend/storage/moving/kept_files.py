"""Whether the files that rows name are there, and are what they were when they were stored."""

from collections.abc import Sequence
from contextlib import aclosing

import msgspec
from msgspec import Struct

from backend.core.ports.blobs import BlobStores
from backend.storage.moving.files import hash_of
from backend.storage.sql.engine import Engines
from backend.storage.sql.snapshot import snapshot
from backend.storage.sql.tables import attachments
from backend.storage.sql.whole_rows import Row


class CheckedFiles(Struct, kw_only=True):
    """Files that attachments name, by what was found."""

    checked: int = 0
    missing: int = 0
    changed: int = 0


class _File(Struct):
    blob_key: str | None = None
    sha256: str | None = None


async def check_files(engines: Engines, blobs: BlobStores) -> CheckedFiles:
    """Read every attachment's file and compare its SHA-256 with the row's."""
    found = CheckedFiles()
    async with snapshot(engines) as still:
        for company in await still.companies():
            async with aclosing(still.pages(attachments, company)) as pages:
                async for page in pages:
                    await _check(page, blobs, company, found)
    return found


async def _check(page: Sequence[Row], blobs: BlobStores, company: str, found: CheckedFiles) -> None:
    for row in page:
        file = msgspec.json.decode(row["body"], type=_File)
        if file.blob_key is None or file.sha256 is None:
            continue
        digest = await hash_of(blobs.open(company), file.blob_key)
        found.checked += 1
        found.missing += digest is None
        found.changed += digest not in (None, file.sha256)

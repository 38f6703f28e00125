"""Keep the vendor's payloads, so that everything can be made again without calling the vendor (SPEC B4)."""

from collections.abc import Sequence

import msgspec
import zstandard

from backend.core import ids
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.sync import Run
from backend.core.ports.blobs import BlobStore


async def archive_items(blobs: BlobStore, connection: Connection, run: Run, items: Sequence[Taken]) -> None:
    """Keep the payloads of a page as one file: an object per ticket would be slow and dear."""
    if not items:
        return
    lines = b"\n".join(
        msgspec.json.encode({"doc_type": taken.ref.doc_type, "original_id": taken.ref.original_id, "version": taken.ref.version})[:-1]
        + b',"raw":'
        + taken.raw
        + b"}"
        for taken in items
    )
    place = f"{run.created_at:%Y%m%dT%H%M%S}-{run.run_id}-{run.counts.listed:08d}-{ids.content_hash(lines)[:8]}"
    key = f"raw/{connection.platform}/{connection.connection_id}/{place}.jsonl.zst"
    await blobs.put(key, zstandard.compress(lines))

"""Keep the vendor's payloads, so that everything can be made again without calling the vendor (SPEC B4)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import zstandard
from msgspec import Struct

from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.connection import Connection
from backend.core.model.document import DocType
from backend.core.model.sync import Run
from backend.core.ports.blobs import BlobStore

RAW: Final = b',"raw":'
"""Stands before the payload of a line, and nowhere before it: within a text a quotation mark is escaped."""

_VERSION: Final = b',"version":'
_encoder: Final = msgspec.json.Encoder()


class _Head(Struct, frozen=True):
    doc_type: DocType
    original_id: str
    version: str
    told_at: datetime
    changed_at: datetime | None


async def archive_items(blobs: BlobStore, connection: Connection, run: Run, items: Sequence[Taken]) -> None:
    """Keep the payloads of a page as one file: an object per ticket would be slow and dear."""
    if not items:
        return
    # One line for each item: JSON needs no line break outside of its texts, and has none in them.
    lines = b"\n".join([_line(taken) for taken in items])
    place = f"{run.created_at:%Y%m%dT%H%M%S}-{run.run_id}-{run.counts.listed:08d}-{hashlib.sha256(lines).hexdigest()[:8]}"
    await blobs.put(f"{folder_of(connection)}/{place}.jsonl.zst", zstandard.compress(lines))


def _line(taken: Taken) -> bytes:
    ref, raw = taken.ref, taken.raw.replace(b"\n", b" ")
    return line_of(ref.doc_type, ref.original_id, ref.version, told_at=taken.told_at, changed_at=taken.changed_at, raw=raw)


def line_of(doc_type: DocType, original_id: str, version: str, *, told_at: datetime, changed_at: datetime | None, raw: bytes) -> bytes:
    """A line of the archive; it begins as `beginning_of` says."""
    return _encoder.encode(_Head(doc_type, original_id, version, told_at, changed_at))[:-1] + RAW + raw + b"}"


def folder_of(connection: Connection) -> str:
    """Where the archive of a connection lies."""
    return f"raw/{connection.platform}/{connection.connection_id}"


def beginning_of(doc_type: DocType, original_id: str) -> bytes:
    """How the lines of an item begin, up to its version."""
    return msgspec.json.encode({"doc_type": doc_type, "original_id": original_id})[:-1] + _VERSION


def beginning_in(line: bytes) -> bytes:
    """What `beginning_of` gives for the item of this line: within a text a quotation mark is escaped, so that the first is the one."""
    head, found, _ = line.partition(_VERSION)
    return head + found

"""Items of a lot made, compared and merged in another process, and how they come back: as bytes that cost little to take in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError
from backend.core.ingest.changes import content_hash_of
from backend.core.ingest.merge import merge_item
from backend.core.ingest.pipeline.person import NOBODY, without_erased
from backend.core.ingest.pipeline.settling import settled_version
from backend.core.model.document import Document, PackedDocument
from backend.core.model.sync import Fetched
from backend.core.model.ticket import Ticket
from backend.core.text.erased import Marks


class Making(Struct, frozen=True, kw_only=True):
    """What has to be known of a run to make its items."""

    company_id: str
    connection_id: str
    platform: str
    statuses: tuple[str, ...]
    now: datetime
    pack: Callable[[str, Document], PackedDocument]
    """As `Database.pack`."""
    erased: Marks = NOBODY
    """Who must not come back."""


class Outcome(IntEnum):
    """What became of an item."""

    MADE = 0
    SAME = 1
    """Its content is what is stored."""
    NOT_ASKED_FOR = 2
    """Not of the statuses that are wanted."""
    HAS_FILES = 3
    """They are to be read first."""
    FAILED = 4


class Made(Struct, frozen=True, array_like=True):
    """An item ready to be kept."""

    outcome: Outcome
    version: str = ""
    changed_at: datetime | None = None
    raw: bytes = b""
    document: PackedDocument | None = None


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Made])


def make_items(
    making: Making, make: Callable[[Any], Fetched], payloads: Sequence[Any], versions: Sequence[str], known: Sequence[str | None]
) -> tuple[bytes, dict[int, AppError]]:
    """In another process: some items of a lot, packed for `unpacked`, and by their places those that can't be made."""
    made: list[Made] = []
    failed: dict[int, AppError] = {}
    for place, (payload, version, content_hash) in enumerate(zip(payloads, versions, known, strict=True)):
        try:
            fetched = make(payload)
        except AppError as error:
            failed[place] = error
            made.append(Made(Outcome.FAILED))
        else:
            made.append(_made(making, version, fetched, content_hash))
    return _encoder.encode(made), failed


def unpacked(packed: bytes) -> list[Made]:
    """What `make_items` made."""
    return _decoder.decode(packed)


def _made(making: Making, listed: str, fetched: Fetched, known_hash: str | None) -> Made:
    if making.erased:
        fetched, _ = without_erased(making.erased, fetched)
    item, raw = fetched.item, fetched.raw
    if isinstance(item, Ticket) and making.statuses and item.status.value not in making.statuses:
        return Made(Outcome.NOT_ASKED_FOR, listed, item.updated_at, raw)
    version = settled_version(listed, item.updated_at, clock.now())
    if known_hash is not None and content_hash_of(item) == known_hash:
        return Made(Outcome.SAME, version, item.updated_at, raw)
    if item.attachments or (isinstance(item, Ticket) and any(turn.attachments for turn in item.conversations)):
        return Made(Outcome.HAS_FILES)
    document = merge_item(
        item, making.company_id, connection_id=making.connection_id, platform=making.platform, version=version, now=making.now
    )
    return Made(Outcome.MADE, version, item.updated_at, raw, making.pack(making.company_id, document))

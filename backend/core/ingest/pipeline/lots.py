"""Many items made, compared and merged together beside the event loop: for sources that have them at hand (BulkSource)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from backend.core.errors import AppError
from backend.core.ingest.changes import content_hash_of
from backend.core.ingest.merge import merge_item
from backend.core.ingest.pipeline.taken import Taken, settled
from backend.core.model.article import Article
from backend.core.model.sync import Fetched, ItemRef, Lot
from backend.core.model.ticket import Ticket
from backend.core.ports.compute import Compute

_AT_ONCE: Final = 50
"""Items that make one trip to another process worth its while."""


class Making(Struct, frozen=True, kw_only=True):
    """What has to be known of a run to make its items."""

    company_id: str
    connection_id: str
    platform: str
    statuses: tuple[str, ...]
    now: datetime


Outcome = Taken | Fetched | AppError
"""What became of an item: ready to be kept; made, with files that are still to be read; or why it can't be taken."""


async def make_lot(compute: Compute, making: Making, refs: Sequence[ItemRef], lot: Lot, known: Sequence[str | None]) -> list[Outcome]:
    """Every item of a lot, in order. `known` has the content hashes of those that are stored already."""
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(refs), _AT_ONCE)]
    made = await asyncio.gather(
        *(compute.run(make_items, making, lot.make, lot.payloads[part], list(refs[part]), known[part]) for part in parts)
    )
    return [outcome for some in made for outcome in some]


def make_items(
    making: Making, make: Callable[[Any], Fetched], payloads: Sequence[Any], refs: Sequence[ItemRef], known: Sequence[str | None]
) -> list[Outcome]:
    """In another process: some items of a lot."""
    outcomes: list[Outcome] = []
    for payload, ref, content_hash in zip(payloads, refs, known, strict=True):
        try:
            fetched = make(payload)
        except AppError as error:
            outcomes.append(error)
        else:
            outcomes.append(_outcome(making, ref, fetched, content_hash))
    return outcomes


def _outcome(making: Making, ref: ItemRef, fetched: Fetched, known_hash: str | None) -> Outcome:
    item = fetched.item
    if isinstance(item, Ticket) and making.statuses and item.status.value not in making.statuses:
        return Taken(ref=ref, item=None, asked_for=False, raw=fetched.raw)
    if known_hash is not None and content_hash_of(item) == known_hash:
        return Taken(ref=settled(ref, item), item=None, raw=fetched.raw)
    if _has_files(item):
        return fetched
    ref = settled(ref, item)
    document = merge_item(
        item,
        making.company_id,
        connection_id=making.connection_id,
        platform=making.platform,
        version=ref.version,
        now=making.now,
    )
    return Taken(ref=ref, item=None, document=document, raw=fetched.raw)


def _has_files(item: Ticket | Article) -> bool:
    return bool(item.attachments) or (isinstance(item, Ticket) and any(turn.attachments for turn in item.conversations))

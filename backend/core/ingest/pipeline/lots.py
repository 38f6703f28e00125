"""Many items made, compared and merged together beside the event loop: for sources that have them at hand (BulkSource)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from backend.core import clock, ids
from backend.core.errors import AppError
from backend.core.ingest.changes import content_hash_of
from backend.core.ingest.collect import Together, outcome_of
from backend.core.ingest.merge import merge_item
from backend.core.ingest.pipeline.files import attachments_of, text_of
from backend.core.ingest.pipeline.taken import Taken, settled
from backend.core.model.article import Article
from backend.core.model.connection import Connection
from backend.core.model.document import DocType, Document
from backend.core.model.sync import Fetched, ItemFailure, ItemRef
from backend.core.model.ticket import Ticket
from backend.core.ports.compute import Compute
from backend.core.ports.source import BulkSource

_AT_ONCE: Final = 50
"""Items that make one trip to another process worth its while."""


_tickets = msgspec.json.Decoder(Ticket)
_articles = msgspec.json.Decoder(Article)
_documents = msgspec.json.Decoder(Document)


class Making(Struct, frozen=True, kw_only=True):
    """What has to be known of a run to make its items."""

    company_id: str
    connection_id: str
    platform: str
    statuses: tuple[str, ...]
    now: datetime


Outcome = Taken | AppError | None
"""What became of an item: ready to be kept; why it can't be taken; None where it has files that are to be read first."""


async def read_lot(
    compute: Compute, source: BulkSource, making: Making, refs: Sequence[ItemRef], hashes: Mapping[str, str | None]
) -> Together[Taken]:
    """Tickets read together. `hashes` has the content hashes of those that are stored, by their Documents' ids.

    Raises what concerns the whole source.
    """
    here = [ref for ref in refs if ref.doc_type is DocType.TICKET]
    if not here:
        return Together(left=tuple(refs))
    asked = clock.now()
    lot = await source.lot(here)
    known = [hashes.get(ids.document_id(making.company_id, making.platform, ref.doc_type, ref.original_id)) for ref in here]
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(here), _AT_ONCE)]
    made = await asyncio.gather(*(compute.run(make_items, making, lot.make, lot.payloads[part], here[part], known[part]) for part in parts))
    others = [ref for ref in refs if ref.doc_type is not DocType.TICKET]
    return _sorted(here, [outcome for some in made for outcome in some], others, asked)


async def merge_taken(compute: Compute, company_id: str, connection: Connection, items: Sequence[Taken]) -> list[Taken]:
    """The same items, each that was read by itself with the Document that was made of it."""
    now = clock.now()
    merging = [(taken, taken.item) for taken in items if taken.item is not None]
    merged = await asyncio.gather(
        *(
            compute.run(
                _merge,
                msgspec.json.encode(item),
                type(item),
                company_id=company_id,
                connection_id=connection.connection_id,
                platform=connection.platform,
                version=taken.ref.version,
                files=[text_of(each) for each in taken.files if each.pieces],
                now=now,
            )
            for taken, item in merging
        )
    )
    made = {id(taken): _documents.decode(document) for (taken, _), document in zip(merging, merged, strict=True)}
    return [structs.replace(taken, item=None, document=made.get(id(taken), taken.document)) for taken in items]


def _merge(encoded: bytes, kind: type[Ticket | Article], **options: Any) -> bytes:
    """In another process: an item's Document. Both cross as JSON, which takes a fraction of the time that pickling takes."""
    item = _tickets.decode(encoded) if kind is Ticket else _articles.decode(encoded)
    return msgspec.json.encode(merge_item(item, **options))


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
    item, raw = fetched.item, fetched.raw
    told_at = ref.told_at or making.now
    if isinstance(item, Ticket) and making.statuses and item.status.value not in making.statuses:
        return Taken(ref=ref, told_at=told_at, changed_at=item.updated_at, item=None, asked_for=False, raw=raw)
    same = settled(ref, item)
    if known_hash is not None and content_hash_of(item) == known_hash:
        return Taken(ref=same, told_at=told_at, changed_at=item.updated_at, same_as=known_hash, item=None, raw=raw)
    if attachments_of(item):
        return None
    document = merge_item(
        item,
        making.company_id,
        connection_id=making.connection_id,
        platform=making.platform,
        version=same.version,
        now=making.now,
    )
    return Taken(ref=same, told_at=told_at, changed_at=item.updated_at, item=None, document=document, raw=raw)


def _sorted(refs: Sequence[ItemRef], made: Sequence[Outcome], others: Sequence[ItemRef], asked: datetime) -> Together[Taken]:
    items: list[Taken] = []
    failures: list[ItemFailure] = []
    gone: list[ItemRef] = []
    left = list(others)
    for ref, outcome in zip(refs, made, strict=True):
        if isinstance(outcome, Taken):
            items.append(outcome)
        elif outcome is None:
            left.append(ref)
        else:
            failed = outcome_of(ref, outcome, asked)
            (failures if isinstance(failed, ItemFailure) else gone).append(failed)  # type: ignore[arg-type]  # Each to its own kind.
    return Together(items=tuple(items), failures=tuple(failures), gone=tuple(gone), left=tuple(left))

"""Many items made, compared and merged together beside the event loop: for sources that have them at hand (BulkSource)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import structs

from backend.core import clock
from backend.core.errors import AppError
from backend.core.ingest.collect import Together, outcome_of
from backend.core.ingest.merge import merge_item
from backend.core.ingest.pipeline.files import text_of
from backend.core.ingest.pipeline.making import Made, Making, Outcome, make_items, unpacked
from backend.core.ingest.pipeline.taken import Taken
from backend.core.model.article import Article
from backend.core.model.connection import Connection
from backend.core.model.document import DocType, Document
from backend.core.model.sync import ItemFailure, ItemRef, Lot
from backend.core.model.ticket import Ticket
from backend.core.ports.compute import Compute
from backend.core.ports.source import BulkSource

_AT_ONCE: Final = 250
"""Items that make one trip to another process: so many that the trip costs next to nothing, and enough parts that no process idles."""
_FEW: Final = 20
"""So few are made right here."""

_tickets = msgspec.json.Decoder(Ticket)
_articles = msgspec.json.Decoder(Article)
_documents = msgspec.json.Decoder(Document)


async def read_lot(
    compute: Compute, source: BulkSource, making: Making, refs: Sequence[ItemRef], hashes: Sequence[str | None]
) -> Together[Taken]:
    """Tickets read together. `hashes` has the content hashes of those that are stored, in the order of the refs.

    Raises what concerns the whole source.
    """
    here = [ref for ref in refs if ref.doc_type is DocType.TICKET]
    if not here:
        return Together(left=tuple(refs))
    asked = clock.now()
    lot = await source.lot(here)
    known = [each for ref, each in zip(refs, hashes, strict=True) if ref.doc_type is DocType.TICKET]
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(here), _AT_ONCE)]
    made = await asyncio.gather(*(_made(compute, making, lot, here, known, part=part) for part in parts))
    others = [ref for ref in refs if ref.doc_type is not DocType.TICKET]
    return _sorted(making, list(zip(here, known, [each for some in made for each in some], strict=True)), others, asked)


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


async def _made(
    compute: Compute, making: Making, lot: Lot, refs: Sequence[ItemRef], known: Sequence[str | None], *, part: slice
) -> list[Made | AppError]:
    """Some items of a lot, made in another process where they are many."""
    versions = [ref.version for ref in refs[part]]
    run = compute.run if len(versions) < _FEW else compute.run_whole
    packed, failed = await run(make_items, making, lot.make, lot.payloads[part], versions, known[part])
    return [failed.get(place, made) for place, made in enumerate(unpacked(packed))]


def _sorted(
    making: Making, made: Sequence[tuple[ItemRef, str | None, Made | AppError]], others: Sequence[ItemRef], asked: datetime
) -> Together[Taken]:
    items: list[Taken] = []
    failures: list[ItemFailure] = []
    gone: list[ItemRef] = []
    left = list(others)
    for ref, known_hash, each in made:
        if isinstance(each, AppError):
            failed = outcome_of(ref, each, asked)
            (failures if isinstance(failed, ItemFailure) else gone).append(failed)  # type: ignore[arg-type]  # Each to its own kind.
        elif each.outcome is Outcome.HAS_FILES:
            left.append(ref)
        else:
            items.append(_taken(making, ref, each, known_hash))
    return Together(items=tuple(items), failures=tuple(failures), gone=tuple(gone), left=tuple(left))


def _taken(making: Making, ref: ItemRef, made: Made, known_hash: str | None) -> Taken:
    told_at = ref.told_at or making.now
    return Taken(
        ref=ref if made.version == ref.version else structs.replace(ref, version=made.version),
        told_at=told_at,
        changed_at=made.changed_at or told_at,
        same_as=known_hash if made.outcome is Outcome.SAME else None,
        item=None,
        document=made.document,
        asked_for=made.outcome is not Outcome.NOT_ASKED_FOR,
        raw=made.raw,
    )

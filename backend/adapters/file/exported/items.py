"""A ticket or an article of its record and of the names that it calls by number: pure, here and in other processes."""

from typing import Any

import orjson
from msgspec import Struct, structs

from backend.adapters.exports.reader import ExportReader, Part
from backend.adapters.file.exported.recognized import Readers, base_of
from backend.core.errors import AppError, Code
from backend.core.model.article import Article
from backend.core.model.sync import Fetched
from backend.core.model.ticket import Ticket

BEGINS = b'{"export":'
"""How what is archived of an export begins."""


class ExportedUnit(Struct, frozen=True, kw_only=True):
    """A record of an account export as it is archived."""

    export: str
    """Whose."""
    part: Part
    file: str
    key: str
    product: str = ""
    record: dict[str, Any]
    names: dict[str, Any] = {}


def made_of(unit: ExportedUnit, reader: ExportReader) -> Fetched:
    """The item. Raises SOURCE_MALFORMED."""
    kept = structs.replace(unit, record=dict(reader.kept(unit.part, unit.record)))
    raw = orjson.dumps({field: getattr(kept, field) for field in ExportedUnit.__struct_fields__})
    return Fetched(item=_item(kept, reader), raw=raw)


def remade_unit(unit: ExportedUnit, readers: Readers, raw: bytes) -> Fetched:
    """The item of what is archived. Raises ARCHIVE_INCOMPLETE or SOURCE_MALFORMED."""
    reader = readers.get(unit.export)
    if reader is None:
        raise AppError(Code.ARCHIVE_INCOMPLETE, f"There is no reader for exports of {unit.export} any more.")
    return Fetched(item=_item(unit, reader), raw=raw)


def _item(unit: ExportedUnit, reader: ExportReader) -> Ticket | Article:
    item = reader.made(unit.part, base_of(unit.file), unit.record, unit.names)
    if isinstance(item, Article):
        return structs.replace(item, original_id=unit.key, attachments=(), url=None)
    # Two systems that count alike are kept apart in what a ticket says of another one too.
    prefix = unit.key.removesuffix(item.original_id)
    turns = tuple([structs.replace(turn, attachments=()) for turn in item.conversations])
    return structs.replace(
        item,
        original_id=unit.key,
        merged_into=item.merged_into and f"{prefix}{item.merged_into}",
        product=item.product or unit.product or None,
        conversations=turns,
        attachments=(),
        url=None,
    )

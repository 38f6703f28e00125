"""Tickets out of the bytes of their rows: pure, so that hundreds are made at once beside the event loop."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from msgspec import Struct, to_builtins

from backend.adapters.exports.reader import ExportReader, Part
from backend.adapters.file.exported.items import ExportedUnit, made_of
from backend.adapters.file.scan import Sheet
from backend.adapters.file.tables.layout import BadRowError, Record
from backend.adapters.file.tables.opened import record_of
from backend.adapters.file.tickets.normalize import ticket_of
from backend.core.errors import AppError, Code
from backend.core.model.sync import Fetched
from backend.core.model.ticket import Attachment

_KEPT: Final = 64_000
"""Bytes of a row that is kept because it makes no sense."""


class RowFile(Struct, frozen=True, kw_only=True, array_like=True):
    """What the rows of one file have in common."""

    path: str
    sheet: Sheet
    modified: datetime
    reader: ExportReader | None = None
    """Of a part of an account export."""


class Rows(Struct, frozen=True, array_like=True):
    """One ticket's rows as they are in the file."""

    file: int
    """Its place among the files of the lot."""
    key: str
    raws: tuple[bytes, ...]
    numbers: tuple[int, ...]
    problem: str = ""
    attachments: tuple[Attachment, ...] = ()
    names: dict[str, Any] = {}
    """Of an account export: those that it calls by number."""


def fetched_of(files: Sequence[RowFile], rows: Rows | AppError) -> Fetched:
    """The ticket. Raises SOURCE_MALFORMED that names file and row, or the reason for which there are no rows."""
    if isinstance(rows, AppError):
        raise rows
    file = files[rows.file]
    if rows.problem:
        raise _senseless(file, rows, 0, rows.problem)
    records: list[Record] = []
    for place, raw in enumerate(rows.raws):
        try:
            record = record_of(raw, file.sheet.layout)
        except BadRowError as error:
            raise _senseless(file, rows, place, str(error)) from None
        # An export made twice into one file says nothing new the second time.
        if record not in records:
            records.append(record)
    if file.reader is not None:
        return _of_export(file, file.reader, rows, records[-1])
    try:
        ticket = ticket_of(records, file.sheet.plan, rows.key, moment=file.modified, files=rows.attachments)
    except BadRowError as error:
        raise _senseless(file, rows, 0, str(error)) from None
    payload: dict[str, Any] = {"file": file.path, "row": rows.numbers[0], "rows": records}
    if file.modified in (ticket.created_at, ticket.updated_at):
        payload["modified"] = file.modified
    if rows.attachments:
        payload["files"] = to_builtins(rows.attachments)
    return Fetched(item=ticket, raw=orjson.dumps(payload))


def _of_export(file: RowFile, reader: ExportReader, rows: Rows, record: Record) -> Fetched:
    """A ticket or an article of an account export; where a file has it twice, what it says last."""
    part, product = Part(file.sheet.part), file.sheet.plan.product
    unit = ExportedUnit(export=reader.platform, part=part, file=file.path, key=rows.key, product=product, record=record, names=rows.names)
    try:
        return made_of(unit, reader)
    except AppError as error:
        if error.code is not Code.SOURCE_MALFORMED:
            raise
        raise _senseless(file, rows, -1, error.message.rstrip(".")) from error


def _senseless(file: RowFile, rows: Rows, place: int, why: str) -> AppError:
    """The error for rows that make no sense."""
    number = rows.numbers[place]
    raw = rows.raws[place][:_KEPT] if rows.raws else b""
    row = "row" if file.reader is None else "article" if file.sheet.part == Part.ARTICLES else "record"
    return AppError(Code.SOURCE_MALFORMED, f"{file.path}, {row} {number}: {why}.", raw=raw)

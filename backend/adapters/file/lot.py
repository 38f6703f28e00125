"""Tickets out of the bytes of their rows: pure, so that hundreds are made at once beside the event loop."""

from datetime import datetime
from typing import Any, Final

import orjson
from msgspec import Struct, to_builtins

from backend.adapters.file.scan import Sheet
from backend.adapters.file.tables.layout import BadRowError, Record
from backend.adapters.file.tables.opened import record_of
from backend.adapters.file.tickets.normalize import ticket_of
from backend.core.errors import AppError, Code
from backend.core.model.sync import Fetched
from backend.core.model.ticket import Attachment

_KEPT: Final = 64_000
"""Bytes of a row that is kept because it makes no sense."""


class Rows(Struct, frozen=True, kw_only=True, array_like=True):
    """One ticket's rows as they are in the file."""

    key: str
    path: str
    sheet: Sheet
    raws: tuple[bytes, ...]
    numbers: tuple[int, ...]
    problem: str = ""
    modified: datetime
    files: tuple[Attachment, ...] = ()


def fetched_of(rows: Rows | AppError) -> Fetched:
    """The ticket. Raises SOURCE_MALFORMED that names file and row, or the reason for which there are no rows."""
    if isinstance(rows, AppError):
        raise rows
    if rows.problem:
        raise _senseless(rows, 0, rows.problem)
    records: list[Record] = []
    for place, raw in enumerate(rows.raws):
        try:
            record = record_of(raw, rows.sheet.layout)
        except BadRowError as error:
            raise _senseless(rows, place, str(error)) from None
        # An export made twice into one file says nothing new the second time.
        if record not in records:
            records.append(record)
    try:
        ticket = ticket_of(records, rows.sheet.plan, rows.key, moment=rows.modified, files=rows.files)
    except BadRowError as error:
        raise _senseless(rows, 0, str(error)) from None
    payload: dict[str, Any] = {"file": rows.path, "row": rows.numbers[0], "rows": records}
    if rows.modified in (ticket.created_at, ticket.updated_at):
        payload["modified"] = rows.modified
    if rows.files:
        payload["files"] = to_builtins(rows.files)
    return Fetched(item=ticket, raw=orjson.dumps(payload))


def _senseless(rows: Rows, place: int, why: str) -> AppError:
    """The error for rows that make no sense."""
    number = rows.numbers[place]
    raw = rows.raws[place][:_KEPT] if rows.raws else b""
    return AppError(Code.SOURCE_MALFORMED, f"{rows.path}, row {number}: {why}.", raw=raw)

"""Look through one file: whether it holds tickets, in which columns, and where each row is."""

import hashlib
import io
import re
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
import orjson
from msgspec import Struct

from backend.adapters.exports.reader import ExportReader, Part
from backend.adapters.file.declared import Declared
from backend.adapters.file.tables.layout import BadRowError, CutShortError, Layout, Record, Row
from backend.adapters.file.tables.opened import TABLES, Table, open_table, rows_of
from backend.adapters.file.tickets.columns import guess, headings_of, holds_tickets, unknown_columns
from backend.adapters.file.tickets.normalize import files_in, is_gone, key_of, moved_at, shortened
from backend.adapters.file.tickets.plan import Field, Plan
from backend.core.errors import AppError, Code

SAMPLE: Final = 50
"""Rows by which columns are guessed."""
DOCUMENTS: Final = frozenset(
    ".pdf .docx .xlsx .xlsm .xls .pptx .html .htm .md .markdown .txt .csv .tsv .json .jsonl .ndjson .png .jpg .jpeg".split()  # noqa: SIM905 - as people write them
)
"""Endings of files that may be documents."""
EXPORTS: Final = frozenset({".json", ".jsonl", ".ndjson", ".xml"})
"""Endings of files that may be of an account export."""
_DAY_FIRST: Final = re.compile(r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b")
_AT_ONCE: Final = 5_000
_TIMES: Final = (Field.CREATED_AT, Field.UPDATED_AT, Field.RESOLVED_AT, Field.TURN_AT)


class Sheet(Struct, frozen=True, kw_only=True):
    """How a file of tickets is read."""

    layout: Layout
    plan: Plan
    headings: tuple[str, ...]
    export: str = ""
    """Whose account export it is a part of."""
    part: str = ""
    """What of it: `tickets` or `articles`."""
    names: str = ""
    """A digest of the names that its records call by number."""


class Seen(NamedTuple):
    """A row as the catalog keeps it."""

    key: str
    start: int
    size: int
    number: int
    digest: int
    at: int | None
    """Microseconds since 1970."""
    gone: bool
    problem: str


class Scanned(Struct, frozen=True, array_like=True):
    """Rows that were looked through. Of a piece, places and numbers are counted from its beginning."""

    rows: list[Any]
    """Each as `Seen`."""
    unread: tuple[int, ...]
    """Places among them of those that make no sense: they are called by their number in the file."""
    named: tuple[str, ...]
    """Files that the rows name."""
    count: int
    """Rows, with the empty ones."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Scanned)


def may_be_read(path: str) -> bool:
    """Whether there is a reader for files of this ending."""
    return PurePosixPath(path).suffix.lower() in DOCUMENTS | TABLES | EXPORTS


def open_tickets(file: BinaryIO, path: str, declared: Declared) -> tuple[Table, Sheet] | None:
    """The file as a list of tickets, open; None (and closed) where it is a document.

    Raises ATTACHMENT_EMPTY, _ENCRYPTED, _UNREADABLE, or INVALID_REQUEST where it is not what was declared.
    """
    if declared.kind == "document" or PurePosixPath(path).suffix.lower() not in TABLES:
        file.close()
        return None
    table = open_table(file, path, encoding=declared.encoding)
    if table is None:
        if declared.kind == "tickets":
            raise AppError(Code.INVALID_REQUEST, f"{path} is declared to hold tickets, and has no rows below headings.")
        return None
    try:
        sheet = sheet_of(table, path, declared)
    except AppError:
        table.close()
        raise
    if sheet is None:
        table.close()
        return None
    return table, sheet


def sheet_of(table: Table, path: str, declared: Declared) -> Sheet | None:
    """Which column is what; None where these are no tickets."""
    sample = [row.record for row in islice(table.rows(), SAMPLE) if row.record]
    headings = table.layout.headings or headings_of(sample)
    plan = guess(headings, values=None if table.layout.headings else _first_values(sample))
    if plan is None and declared.kind != "tickets" and not declared.columns:
        return None
    unknown = unknown_columns(declared.columns, headings)
    # A JSON's rows need not all have the same names.
    if unknown and table.layout.headings:
        told = ", ".join(heading for heading in headings if heading)
        raise AppError(Code.INVALID_REQUEST, f"{path} has no column {', '.join(unknown)}; its columns are: {told}.")
    guessed = declared.applied(plan if plan is not None else guess_loosely(headings, sample, table.layout))
    if not (holds_tickets(guessed.columns) or {Field.SUBJECT, Field.DESCRIPTION} & set(guessed.columns)):
        raise AppError(Code.INVALID_REQUEST, f"{path} is declared to hold tickets; declare its columns for subject or description.")
    if declared.day_first is None and _says_day_first(sample, guessed):
        guessed = msgspec.structs.replace(guessed, day_first=True)
    return Sheet(layout=table.layout, plan=guessed, headings=tuple(heading for heading in headings if heading))


def guess_loosely(headings: Sequence[str], sample: Sequence[Record], layout: Layout) -> Plan | None:
    """What can be guessed of a file that somebody declared to hold tickets."""
    # The marks of a ticket list are added to be passed over: only the columns that are there are kept.
    loose = guess([*headings, "subject", "status", "created_at"], values=None if layout.headings else _first_values(sample))
    if loose is None:
        return None
    return msgspec.structs.replace(loose, columns={field: each for field, each in loose.columns.items() if each in headings})


def scan_piece(sheet: Sheet, data: bytes, *, last: bool, reader: ExportReader | None = None) -> bytes | None:
    """In another process: the rows of a piece, as `Scanned` in MessagePack; None where its last row may go on behind it."""
    layout = msgspec.structs.replace(sheet.layout, begin=0, first=0)
    try:
        return _encoder.encode(_scanned(rows_of(io.BytesIO(data), layout, whole=last), sheet, reader, 0))
    except CutShortError:
        return None


def scan_rest(table: Table, sheet: Sheet, begin: int, number: int) -> Iterator[Scanned]:
    """The rows from a place on, at which this row begins, some thousand at a time; places and numbers as in the file."""
    rows = table.rows_from(begin, number)
    while (found := _scanned(rows, sheet, None, number, limit=_AT_ONCE)).count:
        yield found
        number += found.count


def scanned(packed: bytes) -> Scanned:
    """What `scan_piece` found."""
    return _decoder.decode(packed)


def key_of_unread(path: str, number: int) -> str:
    """What a row that makes no sense is called: no ticket can be told of it."""
    return f"{path[-200:]}#{number}"


def _scanned(
    rows: Generator[Row, None, int], sheet: Sheet, reader: ExportReader | None, first: int, *, limit: int | None = None
) -> Scanned:
    plan = sheet.plan
    salt = hashlib.blake2b(msgspec.json.encode(plan) + _of_export(sheet), digest_size=16).digest()
    seen_in = partial(_seen, plan, salt) if reader is None else partial(_seen_in_export, reader, sheet, salt)
    attached = bool(plan.heading(Field.ATTACHMENTS))
    found: list[Seen] = []
    unread: list[int] = []
    named: list[str] = []
    while limit is None or len(found) < limit:
        try:
            row = next(rows)
        except StopIteration as end:
            # It tells the number behind the last once only.
            return Scanned(found, tuple(unread), tuple(named), max(first, end.value or 0) - first)
        seen = seen_in(row)
        if not seen.key:
            unread.append(len(found))
        elif attached and row.record is not None:
            named += files_in((row.record,), plan)
        found.append(seen)
    return Scanned(found, tuple(unread), tuple(named), found[-1].number + 1 - first)


def _of_export(sheet: Sheet) -> bytes:
    return f"{sheet.export}\x1f{sheet.part}\x1f{sheet.names}".encode() if sheet.export else b""


def _seen_in_export(reader: ExportReader, sheet: Sheet, salt: bytes, row: Row) -> Seen:
    """A record of an account export, which tells of itself what a plan tells of other rows."""
    record = row.record
    if record is None:
        return _bad(row, row.problem, salt)
    key, moment, gone = reader.told(Part(sheet.part), record)
    if not key:
        return _bad(row, "it does not tell which item it is", salt)
    at = None if moment is None else round(moment.timestamp() * 1_000_000)
    digest = int.from_bytes(hashlib.blake2b(orjson.dumps(record), digest_size=5, key=salt).digest(), "big")
    return Seen(f"{sheet.plan.id_prefix}{shortened(key)}", row.start, row.size, row.number, digest, at, gone, "")


def _seen(plan: Plan, salt: bytes, row: Row) -> Seen:
    record = row.record
    if record is None:
        return _bad(row, row.problem, salt)
    try:
        key = key_of(record, plan)
    except BadRowError as error:
        return _bad(row, str(error), salt)
    at: int | None = None
    try:
        moment = moved_at(record, plan)
        at = None if moment is None else round(moment.timestamp() * 1_000_000)
    except BadRowError:
        # Told when the ticket is read, with what else there may be to tell of it.
        pass
    digest = int.from_bytes(hashlib.blake2b(orjson.dumps(record), digest_size=5, key=salt).digest(), "big")
    return Seen(key, row.start, row.size, row.number, digest, at, is_gone(record, plan), "")


def _bad(row: Row, problem: str, salt: bytes) -> Seen:
    digest = int.from_bytes(hashlib.blake2b(problem.encode(), digest_size=5, key=salt).digest(), "big")
    return Seen("", row.start, row.size, row.number, digest, None, False, problem or "it makes no sense")


def _first_values(sample: Sequence[Record]) -> Record:
    """Of each name the first value that says something."""
    found: Record = {}
    for name, value in chain.from_iterable(record.items() for record in sample):
        if value not in (None, "", [], {}):
            found.setdefault(name, value)
    return found


def _says_day_first(sample: Sequence[Record], plan: Plan) -> bool:
    """Whether some time begins with a number that is no month, and none has one in the second place."""
    headings = [heading for field in _TIMES if (heading := plan.heading(field))]
    pairs = [match for record in sample for heading in headings if (match := _DAY_FIRST.match(str(record.get(heading, ""))))]
    return any(int(pair[1]) > 12 for pair in pairs) and not any(int(pair[2]) > 12 for pair in pairs)

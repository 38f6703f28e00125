"""A file of an account export as rows: what is no line of its own is written down once, a ticket or an article a line."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import orjson

from backend.adapters.exports.reader import ExportReader, Part, Record
from backend.adapters.exports.records import Found, read_records
from backend.adapters.file.exported.recognized import base_of, is_xml
from backend.adapters.file.tables.layout import Kind, Layout
from backend.adapters.file.tables.opened import Table
from backend.core.errors import AppError, Code

_HEAD: Final = 1 << 16
_KEPT: Final = 60_000
"""Bytes of a record that is kept because it makes no sense."""
_BOM: Final = b"\xef\xbb\xbf"
_LARGEST: Final = 2**63


def open_units(file: BinaryIO, path: str, reader: ExportReader, part: Part) -> tuple[Table, str]:
    """The tickets or articles of a file, and why it can't be read to its end, where it can't. Raises ATTACHMENT_EMPTY.

    The file is closed with the table, or here where there is none.
    """
    cut: list[str] = []
    with contextlib.ExitStack() as unless_kept:
        # Whatever stops us, a file that nobody gets is closed.
        unless_kept.callback(file.close)
        head = file.read(_HEAD)
        file.seek(0)
        if not head.strip():
            raise AppError(Code.ATTACHMENT_EMPTY, f"{path}: It has no records.")
        told = f"{reader.platform.capitalize()} account export"
        begin = len(_BOM) if head.startswith(_BOM) else 0
        if part is Part.TICKETS and not is_xml(path) and head[begin:].lstrip()[:1] == b"{":
            unless_kept.pop_all()
            return Table(file, Layout(kind=Kind.RECORDS, first=1, begin=begin, told_as=f"{told}, JSON lines")), ""
        spool = unless_kept.enter_context(tempfile.TemporaryFile())
        for line in _lines(file, path, reader, part, cut):
            spool.write(line + b"\n")
        unless_kept.pop_all()
        file.close()
    told = f"{told}, {'XML' if is_xml(path) else 'JSON'}"
    return Table(spool, Layout(kind=Kind.RECORDS, first=1, spooled=True, told_as=told)), "".join(cut)


def names_in(file: BinaryIO, path: str, reader: ExportReader) -> Iterator[tuple[str, Any]]:
    """The names that a file tells, as far as it can be read; it is closed."""
    name = base_of(path)
    with file, contextlib.suppress(AppError):
        for found in read_records(file, name):
            if found.record is not None:
                yield from reader.named(name, found.record)


def _lines(file: BinaryIO, path: str, reader: ExportReader, part: Part, cut: list[str]) -> Iterator[bytes]:
    """A line for each unit; for what can't be read one with the reason, and with what stands there."""
    number = 0
    try:
        for found in read_records(file, base_of(path)):
            number += 1
            yield from _of_record(found, number, reader, part)
    except AppError as error:
        cut.append(f"{error.message.rstrip('.')}; nothing behind record {number:,} can be read")
        yield orjson.dumps(cut)


def _of_record(found: Found, number: int, reader: ExportReader, part: Part) -> Iterator[bytes]:
    # A file of articles has several in a record, and its rows are theirs.
    where = "" if part is Part.TICKETS else f"in record {number:,} "
    if found.record is None:
        yield orjson.dumps([f"{where}{found.problem}", found.raw[:_KEPT].decode(errors="replace")])
        return
    try:
        units = reader.units(part, found.record)
    except AppError as error:
        yield orjson.dumps([f"{where}{error.message}", _written(found.record)[:_KEPT].decode(errors="replace")])
        return
    yield from map(_written, units)


def _written(unit: Record) -> bytes:
    try:
        return orjson.dumps(unit)
    except TypeError:
        # XML says whole numbers of any size, and the reader of these lines takes those of 64 bits.
        return json.dumps(_bounded(unit), ensure_ascii=False).encode(errors="replace")


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _bounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_bounded(each) for each in value]
    is_huge = isinstance(value, int) and not -_LARGEST <= value < _LARGEST
    return str(value) if is_huge else value

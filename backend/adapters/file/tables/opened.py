"""Look at a file: whether it holds rows, and how they are written."""

import codecs
import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path, PurePath
from typing import BinaryIO, Final

import msgspec

from backend.adapters.file.encoding import encoding_of
from backend.adapters.file.tables import delimited, objects, sheets
from backend.adapters.file.tables.layout import Kind, Layout, Record, Row
from backend.core.errors import AppError, Code

_HEAD: Final = 1 << 18
_SHEETS: Final = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
_TEXTS: Final = frozenset({".csv", ".tsv", ".txt"})
_LINES: Final = frozenset({".jsonl", ".ndjson"})
_JSON: Final = frozenset({".json"}) | _LINES
TABLES: Final = _SHEETS | _TEXTS | _JSON
"""Endings of files that may hold rows."""


class Table:
    """A file of rows, open. Close it."""

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        self._file = file
        # What was written into a spool is there for everybody who reads it by its number.
        file.seek(0)
        self._began = os.fstat(file.fileno())
        self.layout = layout

    def rows(self) -> Generator[Row, None, int]:
        """All of them."""
        return rows_of(self._file, self.layout)

    def rows_from(self, begin: int, number: int) -> Generator[Row, None, int]:
        """Those from the place on at which this row begins."""
        return rows_of(self._file, msgspec.structs.replace(self.layout, begin=begin, first=number))

    def pieces(self, size: int) -> Iterator[tuple[int, bytes, bool]]:
        """The rows' bytes in pieces of about so many, each of whole lines: where it begins, itself, whether it is the last."""
        begin, more = self.layout.begin, b""
        while data := more + os.pread(self._file.fileno(), size, begin + len(more)):
            end = data.rfind(b"\n") + 1
            if len(data) < len(more) + size:
                yield begin, data, True
                return
            if not end:
                # A line longer than a piece.
                more = data
                continue
            more = b""
            yield begin, data[:end], False
            begin += end

    def read(self, start: int, size: int) -> bytes:
        """The bytes of one row, from any thread."""
        return os.pread(self._file.fileno(), size, start)

    @property
    def unchanged(self) -> bool:
        """Whether nobody wrote into it since it was opened."""
        now = os.fstat(self._file.fileno())
        return (now.st_size, now.st_mtime_ns) == (self._began.st_size, self._began.st_mtime_ns)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def rows_of(file: BinaryIO, layout: Layout, *, whole: bool = True) -> Generator[Row, None, int]:
    """What is written so. Raises CutShortError where it is not `whole` and its last row may go on."""
    return delimited.rows(file, layout, whole=whole) if layout.kind is Kind.CSV else objects.rows(file, layout)


def record_of(raw: bytes, layout: Layout) -> Record:
    """What a row says. Raises BadRowError."""
    return (delimited.record_of if layout.kind is Kind.CSV else objects.record_of)(raw, layout)


def open_table(file: BinaryIO, name: str, *, encoding: str = "") -> Table | None:
    """The file as a table, None where it has no rows with headings; closed with the table, or here where there is none.

    `encoding` and nothing else is believed, where somebody declared it. Raises ATTACHMENT_EMPTY, _ENCRYPTED or _UNREADABLE.
    """
    with contextlib.ExitStack() as unless_kept:
        # Whatever stops us, a file that nobody gets is closed.
        unless_kept.callback(file.close)
        try:
            table = _opened(file, name, encoding)
        except AppError as error:
            raise AppError(error.code, f"{name}: {error.message}") from error
        if table is not None and not table.layout.spooled:
            unless_kept.pop_all()
    return table


def _opened(file: BinaryIO, name: str, declared: str) -> Table | None:
    suffix = PurePath(name).suffix.lower()
    if suffix in _SHEETS:
        return _sheet(file)
    head = file.read(_HEAD)
    if not head.strip():
        raise AppError(Code.ATTACHMENT_EMPTY, "It has no rows.")
    encoding = _declared(declared) or encoding_of(head, more=len(head) == _HEAD)
    if encoding is None:
        raise AppError(Code.ATTACHMENT_UNREADABLE, "It is no text in an encoding that can be told; declare its encoding.")
    if suffix in _JSON:
        return _json(file, head, encoding, by_line=suffix in _LINES)
    if not delimited.has_lines(encoding, head):
        spool = _transcoded(file, encoding)
        layout = delimited.layout_of(spool.read(_HEAD), "utf-8")
        if layout is None:
            spool.close()
            return None
        told = layout.told_as.replace("utf-8", encoding)
        return Table(spool, msgspec.structs.replace(layout, spooled=True, told_as=told))
    layout = delimited.layout_of(head, encoding)
    return Table(file, layout) if layout is not None else None


def _json(file: BinaryIO, head: bytes, encoding: str, *, by_line: bool) -> Table | None:
    text = head.decode(encoding, errors="replace")
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    if by_line or objects.looks_like_lines(text):
        layout = objects.lines_layout(plain)
        begin = 3 if head.startswith(b"\xef\xbb\xbf") else 0
        if delimited.has_lines(plain, head):
            return Table(file, msgspec.structs.replace(layout, begin=begin))
        return Table(_transcoded(file, encoding), msgspec.structs.replace(layout, encoding="utf-8", spooled=True))
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("[", "{"):
        return None
    spool = _spool()
    try:
        found = objects.spool_array(file, encoding, spool)
    except AppError:
        spool.close()
        raise
    if not found:
        spool.close()
        return None
    return Table(spool, msgspec.structs.replace(objects.lines_layout("utf-8"), spooled=True, told_as="JSON"))


def _sheet(file: BinaryIO) -> Table | None:
    spool = _spool()
    # The reader wants a file that has a name.
    with tempfile.NamedTemporaryFile(prefix="desklore-") as named:
        shutil.copyfileobj(file, named, 1 << 20)
        named.flush()
        try:
            layout = sheets.spool_sheet(Path(named.name), spool)
        except AppError:
            spool.close()
            raise
    if layout is None:
        spool.close()
        return None
    return Table(spool, layout)


def _transcoded(file: BinaryIO, encoding: str) -> BinaryIO:
    """The same text in UTF-8, with lines that end as lines do."""
    spool = _spool()
    file.seek(0)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors="replace"), translate=True)
    while data := file.read(1 << 20):
        spool.write(decoder.decode(data).encode())
    spool.write(decoder.decode(b"", final=True).encode())
    spool.seek(0)
    return spool


def _spool() -> BinaryIO:
    """A file without a name: gone with the process, however that ends."""
    return tempfile.TemporaryFile()


def _declared(encoding: str) -> str | None:
    if not encoding:
        return None
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"There is no encoding called {encoding!r}.") from None

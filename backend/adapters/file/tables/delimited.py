"""CSV: rows with the place of each, and one row by itself."""

import csv
import io
from collections.abc import Generator, Iterator
from itertools import islice
from typing import BinaryIO, Final

from backend.adapters.file.encoding import delimiter_of
from backend.adapters.file.tables.layout import BadRowError, CutShortError, Kind, Layout, Record, Row
from backend.core.errors import AppError, Code

_SAMPLE: Final = 65_536
_RESTARTS_MAX: Final = 20_000
"""A file in which more rows than this are broken is none of this kind."""
_ASCII_LINES: Final = frozenset({"utf-8", "utf-8-sig", "cp949", "cp1252", "cp1251", "euc_jp", "euc_kr", "ascii", "latin_1", "iso8859-1"})
"""Encodings in which the byte 10 is a line's end and nothing else."""

_SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def has_lines(encoding: str, head: bytes) -> bool:
    """Whether rows can be found by bytes: in UTF-16, and with the line ends of old Macs, they can't."""
    return encoding in _ASCII_LINES and (b"\n" in head or b"\r" not in head)


def layout_of(head: bytes, encoding: str) -> Layout | None:
    """How it is written, judged by its first bytes; None where it has no two columns."""
    begin = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    text = head[begin:].decode(encoding, errors="replace")
    delimiter = delimiter_of(text[:_SAMPLE])
    first = next(_pieces(io.BytesIO(head), begin, encoding, delimiter), None)
    if first is None:
        return None
    start, size, cells, _ = first
    if cells is None:
        return None
    headings = tuple(cell.strip() for cell in cells)
    if sum(1 for heading in headings if heading) < 2:
        return None
    return Layout(
        kind=Kind.CSV,
        encoding=encoding,
        delimiter=delimiter,
        headings=headings,
        begin=start + size,
        told_as=f"CSV, {encoding}, {_SEPARATORS.get(delimiter, delimiter)}",
    )


def rows(file: BinaryIO, layout: Layout, *, whole: bool = True) -> Generator[Row, None, int]:
    """Every row with its place; one that can't be read says why, and the next begins at the next line. Returns the number behind the last.

    What is not `whole` ends where a line does: raises CutShortError where that may be in the middle of a row.
    """
    number = layout.first
    for start, size, cells, why in _pieces(file, layout.begin, layout.encoding, layout.delimiter, whole=whole):
        if cells is not None and not any(map(str.strip, cells)):
            number += 1
            continue
        problem, record = why, None
        if cells is not None:
            try:
                record = _record(cells, layout)
            except BadRowError as error:
                problem = str(error)
        yield Row(number, start, size, record, problem)
        number += 1
    return number


def record_of(raw: bytes, layout: Layout) -> Record:
    """One row by its bytes. Raises BadRowError."""
    try:
        cells = next(csv.reader((raw.decode(layout.encoding),), delimiter=layout.delimiter, strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadRowError(_told(error)) from None
    return _record(cells, layout)


_Piece = tuple[int, int, list[str] | None, str]
"""Where a row begins, its bytes, its cells, or why there are none."""


class _Lines:
    """The lines of a file, counted in bytes as they are taken."""

    def __init__(self, file: BinaryIO, at: int, encoding: str) -> None:
        file.seek(at)
        self._lines = iter(file)
        self._encoding = encoding
        self.at = at
        self.first = 0
        """Bytes of the line that was taken first since this was set to 0."""
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        encoding = self._encoding
        for line in self._lines:
            size = len(line)
            self.at += size
            if not self.first:
                self.first = size
            yield line.decode(encoding)
        self.ended = True


def _pieces(file: BinaryIO, begin: int, encoding: str, delimiter: str, *, whole: bool = True) -> Iterator[_Piece]:
    restarts = 0
    while True:
        lines = _Lines(file, begin, encoding)
        # Strict: a quotation mark that nobody closes would otherwise swallow all that follows without a word.
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                yield begin, lines.at - begin, cells, ""
                begin = lines.at
                lines.first = 0
            return
        except (csv.Error, UnicodeDecodeError) as error:
            if lines.ended and not whole:
                raise CutShortError from error
            restarts += 1
            if restarts > _RESTARTS_MAX:
                raise AppError(Code.ATTACHMENT_UNREADABLE, "More rows than one could mend are broken; save it as CSV anew.") from error
            yield begin, lines.first, None, _told(error)
            begin += max(1, lines.first)


def _record(cells: list[str], layout: Layout) -> Record:
    headings = layout.headings
    if len(cells) > len(headings) and any(cell.strip() for cell in islice(cells, len(headings), None)):
        raise BadRowError(f"it has {len(cells)} cells, and there are {len(headings)} headings")
    return {heading: cell for heading, cell in zip(headings, cells, strict=False) if heading and cell}


def _told(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it holds bytes that are no {error.encoding}"
    return f"it is no CSV ({error})"

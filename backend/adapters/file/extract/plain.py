"""Read text files of any encoding: plain, Markdown, JSON, logs, HTML and CSV."""

import codecs
import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from backend.adapters.file.encoding import delimiter_of, encoding_of
from backend.adapters.file.extract.collector import Collector, HeadingPath, row_text
from backend.adapters.file.extract.markdown import markdown_sections
from backend.core.errors import AppError, Code
from backend.core.text.html import Section, html_sections

_SNIFF: Final = 8_192
_HTML_FACTOR: Final = 20


def read_plain(path: Path, name: str, into: Collector) -> None:
    """The text as it is."""
    into.add(_decoded(path, name, into, factor=1))


def read_html(path: Path, name: str, into: Collector) -> None:
    """The readable text, cut at headings."""
    _by_heading(html_sections(_decoded(path, name, into, factor=_HTML_FACTOR)), into)


def read_markdown(path: Path, name: str, into: Collector) -> None:
    """The text as it is written, cut at headings."""
    _by_heading(markdown_sections(_decoded(path, name, into, factor=1)), into)


def _by_heading(sections: Iterable[Section], into: Collector) -> None:
    """A piece per section, with the path of headings above it."""
    path = HeadingPath()
    for section in sections:
        if section.heading:
            path.enter(section.level, section.heading)
        if not into.add(section.text or section.heading, heading=str(path)):
            return


def read_csv(path: Path, name: str, into: Collector) -> None:
    """A line per row, `a | b`, whatever the delimiter."""
    text = _decoded(path, name, into, factor=2)
    delimiter = delimiter_of(text[:_SNIFF])
    rows: list[str] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row_text([cell.strip() for cell in row]))  # noqa: PERF401 - the rows before a broken one are kept
    except csv.Error:
        rows.append(text[sum(map(len, rows)) :])
    into.add("\n".join(row for row in rows if row))


def _decoded(path: Path, name: str, into: Collector, *, factor: int) -> str:
    """As much of the file as may matter, as text."""
    limit = (into.left + 1) * 4 * factor
    with path.open("rb") as file:
        data = file.read(limit)
        more = bool(file.read(1))
    encoding = encoding_of(data, more=more)
    if encoding is None:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is no text in an encoding that can be told.")
    # The last character may be cut in two by the limit.
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(data, final=not more)

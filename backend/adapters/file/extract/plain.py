"""Read text files of any encoding: plain, Markdown, JSON, logs, HTML and CSV."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from backend.adapters.file.extract.collector import Collector, HeadingPath, row_text
from backend.adapters.file.extract.markdown import markdown_sections
from backend.core.errors import AppError, Code
from backend.core.text.html import Section, html_sections

_SNIFF: Final = 8_192
_SNIFF_ROWS: Final = 30
_DETECT: Final = 65_536
_DELIMITERS: Final = ",;\t|"
# A free choice takes a short French text for Czech.
_CANDIDATES: Final = ["cp949", "cp1252", "cp1251", "shift_jis", "euc_jp", "gb18030", "big5"]
_HANGUL: Final = re.compile(r"[가-힣]")
_HTML_FACTOR: Final = 20
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset\s?=\s?[\"']?([\w-]{2,20})", re.IGNORECASE)


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
    csv.field_size_limit(len(text) + 1)
    delimiter = _delimiter(text[:_SNIFF])
    rows: list[str] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row_text([cell.strip() for cell in row]))  # noqa: PERF401  # The rows before a broken one are kept.
    except csv.Error:
        rows.append(text[sum(map(len, rows)) :])
    into.add("\n".join(row for row in rows if row))


def _delimiter(sample: str) -> str:
    """The one that cuts most rows into the same number of cells; the standard library's sniffer fails on quoted line breaks."""
    best, best_score = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            rows = list(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _SNIFF_ROWS))
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if widths:
            width, times = widths.most_common(1)[0]
            best, best_score = max((best, best_score), (delimiter, (times, width)), key=lambda entry: entry[1])
    return best


def _decoded(path: Path, name: str, into: Collector, *, factor: int) -> str:
    """As much of the file as may matter, as text."""
    limit = (into.left + 1) * 4 * factor
    with path.open("rb") as file:
        data = file.read(limit)
        more = bool(file.read(1))
    encoding = _encoding(data, more=more)
    if encoding is None:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is no text in an encoding that can be told.")
    # The last character may be cut in two by the limit.
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(data, final=not more)


def _encoding(data: bytes, *, more: bool) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\x00" in data[:_DETECT]:
        sample = data[:_DETECT]
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    if _fits(data, "utf-8", more=more):
        return "utf-8-sig"
    declared = _CHARSET.search(data[:2048])
    if declared is not None:
        try:
            return codecs.lookup(declared.group(1).decode()).name
        except LookupError:
            pass
    if _fits(data, "cp949", more=more) and _is_korean(data, more=more):
        return "cp949"
    import charset_normalizer  # noqa: PLC0415  # Only text that is neither UTF nor Korean needs its tables.

    best = charset_normalizer.from_bytes(data[:_DETECT], cp_isolation=_CANDIDATES).best()
    return best.encoding if best is not None else None


def _fits(data: bytes, encoding: str, *, more: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final=not more)
    except UnicodeDecodeError:
        return False
    return True


def _is_korean(data: bytes, *, more: bool) -> bool:
    """Other eight-bit texts decode as cp949 too, but into rare syllables and Chinese characters next to Latin letters."""
    text = codecs.getincrementaldecoder("cp949")().decode(data[:_DETECT] if more else data, final=False)[:_DETECT]
    foreign = sum(1 for character in text if ord(character) > 0x7F)
    return foreign > 0 and len(_HANGUL.findall(text)) >= foreign * 0.6

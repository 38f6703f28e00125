"""Tell how a text file is written: its encoding, and what stands between the cells of a table."""

import codecs
import csv
import io
import re
from collections import Counter
from itertools import islice
from typing import Final

_CELL_MAX: Final = 4_000_000
"""Characters; a cell that is longer is a quotation mark that nobody closed."""
_SNIFF_ROWS: Final = 30
_DETECT: Final = 65_536
_DELIMITERS: Final = ",;\t|"
# A free choice takes a short French text for Czech.
_CANDIDATES: Final = ["cp949", "cp1252", "cp1251", "shift_jis", "euc_jp", "gb18030", "big5"]
_HANGUL: Final = re.compile(r"[가-힣]")
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset\s?=\s?[\"']?([\w-]{2,20})", re.IGNORECASE)


# The limit is one for the whole process: whoever reads CSV comes through this module, and nobody sets another.
csv.field_size_limit(_CELL_MAX)


def delimiter_of(sample: str) -> str:
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


def encoding_of(data: bytes, *, more: bool) -> str | None:
    """The name of a codec, None where it can't be told. `more`: these are the first bytes only, perhaps cut within a character."""
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
    import charset_normalizer  # noqa: PLC0415 - only text that is neither UTF nor Korean needs its tables

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

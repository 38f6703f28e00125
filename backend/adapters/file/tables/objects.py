"""JSON: one object a line, an array of objects, or an object with a list of them; a large one in bounded memory."""

import io
import json
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, Final

import orjson

from backend.adapters.file.tables.layout import BadRowError, Kind, Layout, Record, Row, flat
from backend.core.errors import AppError, Code

_PIECE: Final = 1 << 20
_OBJECT_MAX: Final = 64 << 20
"""Characters of one ticket with all its comments."""
_SPACE: Final = " \t\r\n,\ufeff"
_LINE_PROBLEM: Final = "it is no JSON object"


def lines_layout(encoding: str) -> Layout:
    """One object a line."""
    return Layout(kind=Kind.LINES, encoding=encoding, first=1, told_as="JSON lines")


def looks_like_lines(text: str) -> bool:
    """Whether the first two lines are objects by themselves; a single one may be an object with a list."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()][:2]
    return len(lines) == 2 and all(isinstance(_loaded(line), dict) for line in lines)


def rows(file: BinaryIO, layout: Layout) -> Generator[Row, None, int]:
    """Every line with its place. Returns the number behind the last."""
    at, number = layout.begin, layout.first
    file.seek(at)
    for line in file:
        if line.strip():
            try:
                yield Row(number, at, len(line), record_of(line, layout))
            except BadRowError as error:
                yield Row(number, at, len(line), None, str(error))
        at += len(line)
        number += 1
    return number


def record_of(raw: bytes, layout: Layout) -> Record:
    """One line. Raises BadRowError."""
    try:
        value = orjson.loads(raw if layout.encoding == "utf-8" else raw.decode(layout.encoding))
    except (ValueError, UnicodeDecodeError):
        raise BadRowError(_LINE_PROBLEM) from None
    if layout.kind is Kind.RECORDS and isinstance(value, list) and value:
        raise BadRowError(str(value[0]))
    if not isinstance(value, dict):
        raise BadRowError(_LINE_PROBLEM)
    return value if layout.kind is Kind.RECORDS else flat(_unwrapped(value))


def spool_array(file: BinaryIO, encoding: str, out: BinaryIO) -> bool:
    """Write the objects of the first list that is found, one a line; whether there is one. Raises ATTACHMENT_UNREADABLE."""
    file.seek(0)
    text = _Sliding(io.TextIOWrapper(_unclosed(file), encoding=encoding, errors="replace", newline=""))
    if not text.enter_list():
        return False
    for value in text.values():
        out.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))
    return True


class _Sliding:
    """A window that moves over the text, so that values are decoded one by one."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def enter_list(self) -> bool:
        """Move behind the `[` of the list that matters: the first, or the value of a name in the outermost object."""
        first = self._next()
        if first == "[":
            self._at += 1
            return True
        if first != "{":
            return False
        self._at += 1
        while self._next() == '"':
            self._value()
            if self._next() != ":":
                return False
            self._at += 1
            if self._next() == "[":
                self._at += 1
                if self._next() == "{":
                    return True
                while self._next() not in ("]", ""):
                    self._value()
                self._at += 1
            else:
                self._value()
        return False

    def values(self) -> Iterator[Any]:
        """What stands in the list."""
        while (begins := self._next()) != "]":
            if not begins:
                raise AppError(Code.ATTACHMENT_UNREADABLE, "Its list ends in the middle; it was not written to its end.")
            yield self._value()

    def _next(self) -> str:
        """The next character that says something; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def _value(self) -> Any:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except ValueError as error:
                if len(self._text) - self._at > _OBJECT_MAX or not self._fill():
                    raise AppError(Code.ATTACHMENT_UNREADABLE, f"It is no JSON: {error}.") from None
                continue
            # A number at the window's end may go on behind it.
            if end == len(self._text) and not isinstance(value, (dict, list, str)) and self._fill():
                continue
            self._at = end
            return value

    def _fill(self) -> bool:
        more = self._file.read(max(_PIECE, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """Exports that put every ticket into an object of its own: `{"helpdesk_ticket": {…}}`, `{"ticket": {…}}`."""
    if len(value) == 1:
        name, inner = next(iter(value.items()))
        if isinstance(inner, dict) and "ticket" in name:
            return inner
    return value


def _loaded(line: str) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return None


class _Unclosed(io.RawIOBase):
    """Reads a file without closing it at its end: it belongs to somebody else."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _unclosed(file: BinaryIO) -> io.BufferedReader:
    return io.BufferedReader(_Unclosed(file), _PIECE)

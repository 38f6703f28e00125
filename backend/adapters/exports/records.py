"""The records of one file, one at a time and in bounded memory: a JSON array, JSON lines, or XML as Rails writes it.

A record that can't be read does not end the file: it is told with its bytes, and the next one is found behind it.
"""

import re
from collections.abc import Iterator
from typing import IO, Any, Final

import orjson
from msgspec import Struct

from backend.adapters.exports.xml import read_xml
from backend.core.errors import AppError, Code

CHUNK: Final = 1 << 18
LARGEST: Final = 64_000_000
"""Bytes of one record; no ticket has more, and no more is ever held."""
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]|"', re.DOTALL)
"""Whole strings and brackets, and last a quotation mark whose string ends beyond what was read."""
_BOM: Final = b"\xef\xbb\xbf"
_OPENING: Final = frozenset(b"[{")


class Found(Struct, frozen=True):
    """What stands at one place of a file: a record, or why there is none."""

    record: dict[str, Any] | None
    raw: bytes
    """As it stands in the file; empty where that was XML."""
    problem: str = ""
    size: int = 0
    """Bytes, about."""


def read_records(stream: IO[bytes], name: str, skip: int = 0) -> Iterator[Found]:
    """All records of a file behind the first `skip`. Raises EXPORT_UNREADABLE where nothing behind a place can be told apart any more."""
    if name.lower().endswith(".xml"):
        for number, (record, size) in enumerate(read_xml(stream, name)):
            if number >= skip:
                yield Found(record, b"", "", size)
        return
    begin = _beginning(stream)
    pieces = _array(begin, stream, name) if begin.startswith(b"[") else _lines(begin, stream, name)
    for number, piece in enumerate(pieces):
        if number >= skip:
            yield _decoded(piece)


def _beginning(stream: IO[bytes]) -> bytes:
    """The first bytes that say something."""
    begin = b""
    while len(begin.lstrip()) <= len(_BOM) and (more := stream.read(CHUNK)):
        begin += more
    return begin.removeprefix(_BOM).lstrip()


def _decoded(piece: bytes) -> Found:
    try:
        record = orjson.loads(piece)
    except orjson.JSONDecodeError as error:
        return Found(None, piece, f"it is no JSON: {error}")
    if not isinstance(record, dict):
        return Found(None, piece, "it is no JSON object")
    return Found(record, piece, "", len(piece))


def _lines(begin: bytes, stream: IO[bytes], name: str) -> Iterator[bytes]:
    held = begin
    while True:
        *whole, held = held.split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(held) > LARGEST:
            raise _too_large(name)
        more = stream.read(CHUNK)
        if not more:
            break
        held += more
    if held.strip():
        yield held


def _array(begin: bytes, stream: IO[bytes], name: str) -> Iterator[bytes]:
    """The elements of a JSON array by their brackets: what is within one is looked at later, and by itself."""
    held, at, depth, start = begin, 1, 0, 0
    while True:
        for token in _TOKEN.finditer(held, at):
            first = held[token.start()]
            if first in _OPENING:
                start = token.start() if depth == 0 else start
                depth += 1
            elif first == ord('"'):
                if len(token[0]) == 1:
                    at = token.start()
                    break
            else:
                depth -= 1
                if depth < 0:
                    return
                if depth == 0:
                    yield held[start : token.end()]
            at = token.end()
        keep = start if depth else at
        held, at, start = held[keep:], at - keep, 0
        if len(held) > LARGEST:
            raise _too_large(name)
        # A long text is looked at from its beginning again: ever larger steps keep that cheap.
        more = stream.read(max(CHUNK, len(held)))
        if not more:
            raise AppError(Code.EXPORT_UNREADABLE, f"{name} ends in the middle: its list is not closed.")
        held += more


def _too_large(name: str) -> AppError:
    return AppError(Code.EXPORT_UNREADABLE, f"{name} holds a record of more than {LARGEST:,} bytes, or is no list of records.")

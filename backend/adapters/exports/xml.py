"""XML as Ruby on Rails writes it, as the dicts that its JSON would be: `<created-at type="datetime">` is `created_at`.

expat reads it piece by piece. A document type is refused, and with it every entity that could be declared: neither exports
have one, and both the bombs and the files of others that XML can name need it.
"""

import re
from collections.abc import Iterator
from typing import IO, Any, Final
from xml.parsers import expat

from backend.core.errors import AppError, Code

CHUNK: Final = 1 << 18
LARGEST: Final = 64_000_000
"""Characters of one record."""
_DEEPEST: Final = 40
_ELEMENT: Final = 100
"""Bytes that an element takes beside its name and text, about."""
_WHOLE: Final = re.compile(r"\s*-?[0-9]{1,30}\s*")


class _Node:
    """An element that is being read."""

    __slots__ = ("children", "kind", "name", "nil", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name.replace("-", "_")
        self.kind = attributes.get("type", "")
        self.nil = attributes.get("nil") == "true"
        self.text: list[str] = []
        self.children: list[tuple[str, Any]] | None = None

    def value(self) -> Any:
        """What it stands for."""
        if self.nil:
            return None
        if self.kind == "array":
            return [value for _, value in self.children or ()]
        if self.children is not None:
            return dict(self.children)
        text = "".join(self.text)
        if self.kind == "boolean":
            return text.strip() in ("true", "1")
        if self.kind == "integer":
            return int(text) if _WHOLE.fullmatch(text) else text.strip() or None
        return text


class Reader:
    """Makes records of what expat tells: the children of the root."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stack: list[_Node] = []
        self._held = 0
        self.done: list[tuple[dict[str, Any], int]] = []
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.StartDoctypeDeclHandler = self._refuse

    def feed(self, data: bytes, *, last: bool) -> None:
        """Read on; whole records go to `done`. Raises EXPORT_UNREADABLE."""
        try:
            self._expat.Parse(data, last)
        except expat.ExpatError as error:
            raise AppError(Code.EXPORT_UNREADABLE, f"{self._name} is no well-formed XML: {error}.") from error

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= _DEEPEST:
            raise AppError(Code.EXPORT_UNREADABLE, f"{self._name} is nested deeper than {_DEEPEST} elements.")
        self._stack.append(_Node(name, attributes))
        self._hold(len(name) + _ELEMENT)

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > LARGEST:
            raise AppError(Code.EXPORT_UNREADABLE, f"{self._name} holds a record of more than {LARGEST:,} characters.")

    def _text(self, data: str) -> None:
        self._hold(len(data))
        if len(self._stack) > 1:
            self._stack[-1].text.append(data)

    def _end(self, _name: str) -> None:
        node = self._stack.pop()
        if not self._stack:
            return
        if len(self._stack) == 1:
            value = node.value()
            self.done.append((value if isinstance(value, dict) else {node.name: value}, self._held))
            self._held = 0
            return
        above = self._stack[-1]
        if above.children is None:
            above.children = []
        above.children.append((node.name, node.value()))

    def _refuse(self, *_: object) -> None:
        raise AppError(Code.EXPORT_UNREADABLE, f"{self._name} declares a document type; no export does, and it is not safe to read.")


def read_xml(stream: IO[bytes], name: str) -> Iterator[tuple[dict[str, Any], int]]:
    """All records of a file, one after the other, with about how many bytes each holds. Raises EXPORT_UNREADABLE."""
    reader = Reader(name)
    while True:
        data = stream.read(CHUNK)
        try:
            reader.feed(data, last=not data)
        except AppError:
            # What stands before the place at which it can't be read any further is whole.
            yield from reader.done
            raise
        done, reader.done = reader.done, []
        yield from done
        if not data:
            return

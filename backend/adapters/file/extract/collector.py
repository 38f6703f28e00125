"""Collect the text of a file up to a limit."""

from typing import Any

from backend.core.ports.extract import Extracted, TextPiece
from backend.core.text.html import clean_text


class Collector:
    """Takes pieces in order until there are `max_chars` characters of text. `ocr`: words in pictures are wanted too."""

    def __init__(self, max_chars: int, *, ocr: bool = True) -> None:
        self.ocr = ocr
        self._waiting = False
        self._left = max_chars
        self._pieces: list[TextPiece] = []
        self._truncated = False

    @property
    def full(self) -> bool:
        """Whether more text would only be thrown away."""
        return self._truncated

    @property
    def left(self) -> int:
        """How many characters still fit."""
        return self._left

    def add(self, text: str, *, page: int | None = None, heading: str = "") -> bool:
        """Take a piece, cut where the limit is; blank ones are left out. False: the limit is reached, stop reading."""
        if self._truncated:
            return False
        # Cleaning shrinks a text hardly ever to a tenth; what is beyond is never looked at.
        text = clean_text(text[: self._left * 10 + 1000])
        if len(text) > self._left:
            text = text[: self._left].rstrip()
            self._truncated = True
        if text:
            self._pieces.append(TextPiece(text=text, page=page, heading=heading[:200]))
            self._left -= len(text)
        return not self._truncated

    def cut(self) -> None:
        """Say that there is more text that was not read."""
        self._truncated = True

    def wait(self) -> None:
        """Say that there are pictures of text which were not recognized."""
        self._waiting = True

    def extracted(self, content_type: str) -> Extracted:
        """What was collected."""
        return Extracted(content_type=content_type, pieces=tuple(self._pieces), truncated=self._truncated, waiting=self._waiting)


def row_text(cells: list[Any]) -> str:
    """A table row as one line: `a | b`, without empty cells at its end."""
    texts = [" ".join(str(cell).split()) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return " | ".join(texts) if any(texts) else ""


class HeadingPath:
    """The headings above a piece of text, from the outermost in."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, heading: str) -> None:
        """Begin what stands below a heading; those of its level and deeper ones end."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, heading))

    @property
    def last(self) -> str:
        """The innermost heading; empty above the first."""
        return self._open[-1][1] if self._open else ""

    def __str__(self) -> str:
        """All of them, ` > ` between them."""
        return " > ".join(heading for _, heading in self._open)

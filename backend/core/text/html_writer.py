"""Write the text of an HTML tree: gaps between blocks, list bullets, table rows, links."""

from typing import Final

JOINED, SPACE, LINE, BLANK = 0, 1, 2, 3
"""What separates the text before from the text after, weakest first."""
_GAPS: Final = ("", " ", "\n", "\n\n")

_LINK_SCHEMES: Final = ("http://", "https://", "mailto:", "tel:")
_LINK_MAX: Final = 500


class Writer:
    """Collects text; knows what gap, bullet or cell border comes before the next word."""

    __slots__ = ("bullet", "cells", "gap", "lists", "out", "pre", "rows")

    def __init__(self) -> None:
        self.out: list[str] = []
        self.gap = JOINED
        self.bullet = ""
        self.cells = 0
        self.pre = 0
        self.rows: list[tuple[int, int]] = []
        self.lists: list[int | None] = []

    def text(self, raw: str) -> None:
        """A text node: white space collapses, except in `<pre>`."""
        if self.pre:
            self._pre(raw)
            return
        words = " ".join(raw.split())
        if not words:
            if self.gap == JOINED:
                self.gap = SPACE
            return
        if self.gap == JOINED and raw[0].isspace():
            self.gap = SPACE
        self.word(words)
        if raw[-1].isspace():
            self.gap = SPACE

    def word(self, text: str) -> None:
        """Write text after whatever is due before it."""
        out = self.out
        if self.cells > 0:
            # Cells of one row stay on one line, whatever blocks they hold.
            if self.rows and len(out) > self.rows[-1][1]:
                out.append(" |" * self.cells + " ")
            elif out:
                out.append(_GAPS[self.gap])
            self.cells = 0
        elif self.gap and out:
            out.append(_GAPS[LINE if self.bullet and self.gap == BLANK else self.gap])
        if self.bullet:
            out.append(self.bullet)
            self.bullet = ""
        out.append(text)
        self.gap = JOINED

    def _pre(self, raw: str) -> None:
        for number, line in enumerate(raw.split("\n")):
            if number:
                self.line_break()
            if line.strip():
                self.word(line.rstrip())

    def line_break(self) -> None:
        """A `<br>`: the second in a row makes a blank line."""
        self.gap = BLANK if self.gap >= LINE else LINE

    def block(self, gap: int) -> None:
        """The border of a block."""
        if gap > self.gap:
            self.gap = LINE if self.rows else gap

    def open(self, tag: str) -> None:
        """A tag that means something for what is in it begins."""
        if tag == "li":
            self.bullet = "- "
            if self.lists and self.lists[-1] is not None:
                self.lists[-1] += 1
                self.bullet = f"{self.lists[-1]}. "
        elif tag == "ol":
            self.lists.append(0)
        elif tag == "ul":
            self.lists.append(None)
        elif tag == "tr":
            self.rows.append((self.cells, len(self.out)))
            self.cells = -1
        elif tag in ("td", "th"):
            self.cells += 1
        elif tag == "pre":
            self.pre += 1

    def close(self, tag: str) -> None:
        """It ends."""
        if tag == "li":
            self.bullet = ""
        elif tag in ("ol", "ul"):
            self.lists.pop()
        elif tag == "tr":
            cells, start = self.rows.pop()
            self.cells = cells if len(self.out) == start else 0
        elif tag == "pre":
            self.pre -= 1

    def link(self, href: str | None, start: int) -> None:
        """A link ends whose text began at `start`: its address follows where the text does not say it already."""
        if not href or len(self.out) <= start:
            return
        href = href.strip()
        if len(href) > _LINK_MAX or not href[:8].lower().startswith(_LINK_SCHEMES):
            return
        text = "".join(self.out[start:]).strip()
        if text and not (text.isascii() and _bare(text) == _bare(href)):
            gap, self.gap, self.cells = self.gap, SPACE, min(self.cells, 0)
            self.word(f"({href})")
            self.gap = gap


def _bare(address: str) -> str:
    """An address without what people leave out when they write it."""
    address = address.lower()
    for prefix in (*_LINK_SCHEMES, "www."):
        address = address.removeprefix(prefix)
    return address.rstrip("/")

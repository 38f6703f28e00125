"""Write the text of HTML: gaps between blocks, list bullets, table rows, links."""

from typing import Final

JOINED, SPACE, LINE, BLANK = 0, 1, 2, 3
"""What separates the text before from the text after, weakest first."""
_GAPS: Final = ("", " ", "\n", "\n\n")

_LINK_SCHEMES: Final = ("http://", "https://", "mailto:", "tel:")
_LINK_MAX: Final = 500


class Writer:
    """Collects text; knows what gap, bullet or cell border comes before the next word. Tags may come in any order."""

    __slots__ = ("_bullet", "_cells", "_gap", "_lists", "_pre", "_row", "_tables", "out")

    def __init__(self) -> None:
        self.out: list[str] = []
        self._gap = JOINED
        self._bullet = ""
        self._cells = -1
        self._row = -1
        self._pre = 0
        self._lists: list[int] = []
        self._tables: list[tuple[int, int, int]] = []

    def text(self, raw: str) -> None:
        """Text between tags: white space collapses, except in `<pre>`."""
        if self._pre:
            self._preformatted(raw)
            return
        words = " ".join(raw.split())
        if not words:
            if self._gap == JOINED:
                self._gap = SPACE
            return
        if self._gap == JOINED and raw[0].isspace():
            self._gap = SPACE
        self.word(words)
        if raw[-1].isspace():
            self._gap = SPACE

    def word(self, text: str) -> None:
        """Write text after whatever is due before it."""
        out = self.out
        if self._cells > 0:
            # Cells of one row stay on one line, whatever blocks they hold.
            if len(out) > self._row:
                out.append(" |" * self._cells + " ")
            elif out:
                out.append(_GAPS[self._gap])
            self._cells = 0
        elif self._gap and out:
            out.append(_GAPS[LINE if self._bullet and self._gap == BLANK else self._gap])
        if self._bullet:
            out.append(self._bullet)
            self._bullet = ""
        out.append(text)
        self._gap = JOINED

    def _preformatted(self, raw: str) -> None:
        for number, line in enumerate(raw.split("\n")):
            if number:
                self.line_break()
            if line.strip():
                self.word(line.rstrip())

    def line_break(self) -> None:
        """A `<br>`: the second in a row makes a blank line."""
        self._gap = BLANK if self._gap >= LINE else LINE

    def block(self, gap: int) -> None:
        """The border of a block; within a table row never more than a line."""
        if gap > self._gap:
            self._gap = gap if self._row < 0 else LINE

    def open(self, tag: str) -> None:
        """A tag that means something for what is in it begins."""
        if tag == "li":
            self._bullet = "- "
            if self._lists and self._lists[-1] >= 0:
                self._lists[-1] += 1
                self._bullet = f"{self._lists[-1]}. "
        elif tag in ("td", "th"):
            if self._row >= 0:
                self._cells += 1
        elif tag == "tr":
            self._row, self._cells = len(self.out), -1
        elif tag == "table":
            self._tables.append((self._row, self._cells, len(self.out)))
            self._row = self._cells = -1
        elif tag in ("ol", "ul"):
            self._lists.append(0 if tag == "ol" else -1)
        elif tag == "pre":
            self._pre += 1

    def close(self, tag: str) -> None:
        """It ends, or a stray closing tag says so."""
        if tag == "li":
            self._bullet = ""
        elif tag == "tr":
            self._row = self._cells = -1
        elif tag == "table":
            if self._tables:
                self._row, cells, start = self._tables.pop()
                self._cells = cells if len(self.out) == start else min(cells, 0)
        elif tag in ("ol", "ul"):
            if self._lists:
                self._lists.pop()
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)

    def link(self, href: str, start: int) -> None:
        """A link ends whose text began at `start`: its address follows where the text does not say it already."""
        out = self.out
        if len(out) <= start or len(href) > _LINK_MAX or not href[:8].lower().startswith(_LINK_SCHEMES):
            return
        text = out[-1] if len(out) == start + 1 else "".join(out[start:]).strip()
        if not (text.isascii() and _bare(text) == _bare(href)):
            out.append(f" ({href})")


def _bare(address: str) -> str:
    """An address without what people leave out when they write it."""
    address = address.lower()
    for prefix in (*_LINK_SCHEMES, "www."):
        address = address.removeprefix(prefix)
    return address.rstrip("/")

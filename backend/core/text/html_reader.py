"""Read HTML tag by tag in one pass, without building a tree.

Mails need no tree, and a tree is dangerous: 200,000 nested `<div>` take Lexbor (selectolax 1.0) 5 minutes, since the standard's
algorithm looks through all open tags at every tag. Here every piece between two `<` is looked at once, whatever it holds,
and a mail of 11 kB takes half the time.
"""

import re
from html import unescape
from typing import Final, NamedTuple

from backend.core.text.html_writer import BLANK, LINE, Writer


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SKIPPED: Final = _tags("title noscript template svg math object iframe video audio canvas map select button")
_RAW: Final = _tags("script style textarea xmp")
_LINES: Final = _tags(
    "div section article header footer main nav aside address center form fieldset ul ol dl dt dd li tr thead tbody tfoot caption "
    "figure figcaption details summary body html head"
)
_BLANKS: Final = _tags("p h1 h2 h3 h4 h5 h6 blockquote pre table hr")
_BLOCKS: Final = dict.fromkeys(_LINES, LINE) | dict.fromkeys(_BLANKS, BLANK)
_STRUCTURE: Final = _tags("li ol ul td th tr table pre")
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}

_NOTHING: Final = frozenset(
    f"{slash}{name}" for name in _tags("b i u s em strong small big span font code sub sup mark tt label") for slash in ("", "/")
)
_CLOSING: Final = {f"/{name}": name for name in (*_BLOCKS, *_STRUCTURE, "a")}

_NAME: Final = re.compile(r"/?[a-zA-Z][a-zA-Z0-9:-]*(?=[\s/>]|$)")
_TAG: Final = re.compile(r"(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
_ATTRIBUTE: Final = re.compile(r"\b(href|alt|width|height)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", re.IGNORECASE)

_QUOTE: Final = re.compile(
    r"\b(?:freshdesk_quote|freshdesk_signature|gmail_signature|yahoo_quoted|protonmail_quote|zendesk_quote|moz-cite-prefix|moz-signature|"
    r"OLK_SRC_BODY_SECTION)\b|\bid\s?=\s?[\"']?signature\b|\btype\s?=\s?[\"']?cite\b|\bblockquote\b[^>]*\bgmail_quote\b",
    re.IGNORECASE,
)
_TAIL: Final = re.compile(r"\bid\s?=\s?[\"']?(?:\w+_)?(?:divRplyFwdMsg|appendonsend)\b")
_GMAIL: Final = re.compile(r"\bgmail_quote\b")
_HIDDEN: Final = re.compile(r"display\s?:\s?none", re.IGNORECASE)
_FORWARDED: Final = re.compile(r"forwarded message|전달된 메[시세]지", re.IGNORECASE)
_FORWARD_PIECES: Final = 8
_CONTAINERS: Final = _tags("div blockquote span p table td section font body a")
_MARKS: Final = ("_quote", "ignature", "cite", "moz-", "divRplyFwdMsg", "appendonsend", "OLK_SRC", "none", "NONE")


class Heading(NamedTuple):
    """Where in the output a heading's text stands."""

    level: int
    start: int
    end: int


def read_html(html: str, *, keep_quotes: bool = False, headings: list[Heading] | None = None) -> list[str]:
    """The pieces of text, gaps included; `headings` is filled with where they are. Linear in the length of the page."""
    return _Reader(html, keep_quotes=keep_quotes, headings=headings).read()


class _Reader:
    """One pass over the pieces between `<` and `<`."""

    def __init__(self, html: str, *, keep_quotes: bool, headings: list[Heading] | None) -> None:
        self._pieces = html.split("<")
        self._marked = any(mark in html for mark in _MARKS)
        self._keep_quotes = keep_quotes
        self._headings = headings
        self._heading: tuple[int, int] | None = None
        self._link: tuple[str, int] | None = None
        self._unclosed: set[str] = set()
        self._writer = Writer()

    def read(self) -> list[str]:
        """The pieces of text."""
        pieces, write = self._pieces, self._writer.text
        if pieces[0]:
            write(unescape(pieces[0]) if "&" in pieces[0] else pieces[0])
        position = 1
        while position < len(pieces):
            tag, closed, text = pieces[position].partition(">")
            # Most tags have no attributes, and need no closer look.
            if not closed:
                position, text = self._special(position, tag, None)
            elif tag in _CLOSING:
                self._close(_CLOSING[tag])
            elif tag == "br" or tag in _BLOCKS:
                self._open(tag, tag)
            elif tag not in _NOTHING:
                position, text = self._special(position, tag, text)
            if text:
                write(unescape(text) if "&" in text else text)
            position += 1
        return self._writer.out

    def _special(self, position: int, tag: str, text: str | None) -> tuple[int, str]:
        """A tag with attributes, a closing tag, a comment, or no tag at all: the last piece it takes and the text after it."""
        match = _NAME.match(tag)
        if match is None and tag[:1] in ("!", "?"):
            return self._after_comment(position) if tag.startswith("!--") else (position, text or "")
        if match is None or text is None:
            # "a < b", "<a@b.c>", or a page that ends within a tag.
            return position, f"<{self._pieces[position]}"
        name = match.group().lower()
        if name[0] == "/":
            self._close(name[1:])
            return position, text
        if tag.count('"') % 2 or tag.count("'") % 2:
            # A ">" within quotes does not end the tag.
            whole = _TAG.match(self._pieces[position])
            if whole is not None:
                tag, text = whole.group()[:-1], self._pieces[position][whole.end() :]
        skipped = self._skip(position, name, tag)
        if skipped is not None:
            return skipped
        self._open(name, tag)
        return position, text

    def _open(self, name: str, tag: str) -> None:
        writer = self._writer
        if name == "br":
            writer.line_break()
        elif name == "img":
            self._picture(tag)
        elif name == "a":
            self._end_link()
            self._link = (_attributes(tag).get("href", ""), len(writer.out))
        else:
            if name in _BLOCKS:
                writer.block(_BLOCKS[name])
            if name in _STRUCTURE:
                writer.open(name)
            elif name in _HEADINGS:
                self._end_heading()
                self._heading = (_HEADINGS[name], len(writer.out))

    def _close(self, name: str) -> None:
        writer = self._writer
        if name == "a":
            self._end_link()
            return
        if name in _HEADINGS:
            self._end_heading()
        elif name in _STRUCTURE:
            writer.close(name)
        if name in _BLOCKS:
            writer.block(_BLOCKS[name])

    def _picture(self, tag: str) -> None:
        attributes = _attributes(tag)
        alt = " ".join(attributes.get("alt", "").split())
        if alt and attributes.get("width") not in ("0", "1") and attributes.get("height") not in ("0", "1"):
            self._writer.word(alt)

    def _end_link(self) -> None:
        if self._link is not None:
            href, start = self._link
            self._link = None
            self._writer.link(href.strip(), start)

    def _end_heading(self) -> None:
        if self._heading is not None:
            level, start = self._heading
            self._heading = None
            if self._headings is not None and len(self._writer.out) > start:
                self._headings.append(Heading(level, start, len(self._writer.out)))

    def _skip(self, position: int, name: str, tag: str) -> tuple[int, str] | None:
        """Where reading goes on behind something nobody reads; None where there is something to read."""
        if name in _RAW:
            return self._after_raw(position, name)
        if name in _SKIPPED and name not in self._unclosed:
            skipped = self._after(position, name)
            if skipped[0] < len(self._pieces):
                return skipped
            # Looking for the end of every such tag anew would take quadratic time.
            self._unclosed.add(name)
        return self._skip_marked(position, name, tag) if self._marked and name in _CONTAINERS else None

    def _skip_marked(self, position: int, name: str, tag: str) -> tuple[int, str] | None:
        """As `_skip`, behind something hidden or quoted."""
        if _HIDDEN.search(tag):
            return self._after(position, name)
        if self._keep_quotes:
            return None
        if _TAIL.search(tag):
            return len(self._pieces), ""
        if _QUOTE.search(tag):
            return self._after(position, name)
        if name == "div" and _GMAIL.search(tag):
            return self._after_gmail(position)
        return None

    def _after_gmail(self, position: int) -> tuple[int, str] | None:
        """Gmail puts replies between quotes into the quote's own container, and forwarded mails as well: both are kept."""
        beginning = "<".join(self._pieces[position : position + _FORWARD_PIECES])
        if _FORWARDED.search(beginning[:1000]) or "gmail_quote" in self._unclosed:
            return None
        end, text = self._after(position, "div")
        if end == len(self._pieces):
            self._unclosed.add("gmail_quote")
        for place in range(position + 1, min(end + 1, len(self._pieces))):
            if self._pieces[place][:10].lower() == "blockquote":
                return self._after(place, "blockquote")
        return end, text

    def _after(self, position: int, name: str) -> tuple[int, str]:
        """The piece that closes the tag which begins at `position`, tags of its name within it included, and the text after it."""
        depth, length, pieces = 0, len(name), self._pieces
        for place in range(position, len(pieces)):
            piece = pieces[place]
            closing = piece[:1] == "/"
            if piece[closing : closing + length].lower() != name or piece[closing + length : closing + length + 1].isalnum():
                continue
            depth += -1 if closing else 1
            if depth == 0:
                # What is skipped separates words and lines no less than what is shown.
                self._close(name)
                return place, piece.partition(">")[2]
        return len(pieces), ""

    def _after_raw(self, position: int, name: str) -> tuple[int, str]:
        """Scripts and styles hold no tags: only their own closing tag ends them."""
        for place in range(position + 1, len(self._pieces)):
            if self._pieces[place][: len(name) + 1].lower() == f"/{name}":
                return place, self._pieces[place].partition(">")[2]
        return len(self._pieces), ""

    def _after_comment(self, position: int) -> tuple[int, str]:
        for place in range(position, len(self._pieces)):
            _, closed, text = self._pieces[place].partition("-->")
            if closed:
                return place, text
        return len(self._pieces), ""


def _attributes(tag: str) -> dict[str, str]:
    """The attributes that are read, by lower-case name; the first of a name counts."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(tag):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found

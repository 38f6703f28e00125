"""Turn the HTML of mails and articles into text that people, models and the index can read."""

import html as entities
import re
import unicodedata
from typing import Final, NamedTuple

from backend.core.text.html_reader import Heading, read_html

_ZERO_WIDTH: Final = "\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad\u034f"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]+")
_JAMO: Final = re.compile(r"[\u1100-\u11ff]+")
_MANY_SPACES: Final = re.compile(r"[ \t]{2,}")
_MANY_LINES: Final = re.compile(r"\n{3,}")


class Section(NamedTuple):
    """What stands below one heading; `level` 0 and no heading for what stands above the first."""

    level: int
    heading: str
    text: str


def html_to_text(html: str, *, keep_quotes: bool = False) -> str:
    """The readable text of HTML: lines at block tags, `- ` before list items, `a | b` for table rows, links with their address.

    Left out: scripts, styles, comments, hidden text, tracking pixels and, unless `keep_quotes`, the mail programs'
    containers of quoted history and signatures. A page that has nothing else keeps them. Never raises for bad HTML.
    """
    if "<" not in html:
        return clean_text(entities.unescape(html) if "&" in html else html)
    text = _finish("".join(read_html(html, keep_quotes=keep_quotes)))
    if not text and not keep_quotes:
        return _finish("".join(read_html(html, keep_quotes=True)))
    return text


def html_sections(html: str) -> list[Section]:
    """An article cut at its headings, in order; a section without text stays for its heading's sake."""
    headings: list[Heading] = []
    out = read_html(html, keep_quotes=True, headings=headings)
    sections = [Section(0, "", _finish("".join(out[: headings[0].start if headings else None])))]
    for number, heading in enumerate(headings):
        following = headings[number + 1].start if number + 1 < len(headings) else None
        words = " ".join("".join(out[heading.start : heading.end]).split())
        sections.append(Section(heading.level, _plain_characters(words), _finish("".join(out[heading.end : following]))))
    return [section for section in sections if section.text or section.heading]


def clean_text(text: str) -> str:
    """Plain text with the same spaces, line ends and letters everywhere: no zero-width characters, no runs of blank lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    if not _is_plain(text):
        text = _mended(text)
    elif " \n" not in text and "\n " not in text and "  " not in text and "\n\n\n" not in text:
        # A space is the only white space that is printable: but at its ends there is nothing to strip.
        return text.strip()
    # Looking for two characters is faster than a pattern that finds nothing, which is the usual case.
    if "\t" in text or "  " in text:
        text = _MANY_SPACES.sub(" ", text)
    text = "\n".join([line.strip() for line in text.split("\n")])
    return (_MANY_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()


def _plain_characters(text: str) -> str:
    return text if _is_plain(text) else _mended(text)


def _is_plain(text: str) -> bool:
    # Nearly all text is of this kind, and to ask takes a tenth of looking for each of what is mended. Characters that nobody
    # sees count as not printable, all but one; decomposed letters are not in normal form.
    return "\u034f" not in text and text.replace("\n", "").isprintable() and unicodedata.is_normalized("NFC", text)


def _mended(text: str) -> str:
    text = _CONTROL.sub("", text)
    if text.isascii():
        return text
    for character in _ZERO_WIDTH:
        if character in text:
            text = text.replace(character, "")
    text = text.replace("\xa0", " ").replace("\u3000", " ").replace("\u2028", "\n").replace("\u2029", "\n")
    # Macs write Korean in decomposed letters, which no search finds; only these are composed, so that text never grows.
    return _JAMO.sub(lambda match: unicodedata.normalize("NFC", match.group()), text)


def _finish(text: str) -> str:
    """Indentation of `<pre>` survives, unless there are characters nobody sees, as newsletters use them for padding."""
    if not text.isascii() and any(character in text for character in _ZERO_WIDTH):
        return clean_text(text)
    # A line of nothing but a control character is an empty one.
    text = _plain_characters(text).strip()
    return _MANY_LINES.sub("\n\n", text) if "\n\n\n" in text else text

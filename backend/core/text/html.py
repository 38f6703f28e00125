"""Turn the HTML of mails and articles into text that people, models and the index can read."""

import html as entities
import re
import unicodedata
from collections.abc import Collection
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from backend.core.text.html_writer import BLANK, LINE, Writer


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SKIPPED: Final = _tags(
    "head title style script noscript template svg math object iframe video audio canvas map select button textarea -comment"
)
_LINES: Final = _tags(
    "div section article header footer main nav aside address center form fieldset ul ol dl dt dd li tr thead tbody tfoot caption "
    "figure figcaption details summary body"
)
_BLANKS: Final = _tags("p h1 h2 h3 h4 h5 h6 blockquote pre table hr")
_BLOCKS: Final = dict.fromkeys(_LINES, LINE) | dict.fromkeys(_BLANKS, BLANK)
_STRUCTURE: Final = _tags("li ol ul td th tr pre")
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}

# Tags that only dress words double the size of the tree, and unclosed ones let it grow without bounds.
_DRESS_TAGS: Final = "font|b|i|u|s|em|strong|small|big|tt|strike|nobr|code|sub|sup|mark|o:p"
_ATTRIBUTES: Final = r"(?=[\s/>])[^<>\"']*+(?:\"[^\"<>]*+\"[^<>\"']*+|'[^'<>]*+'[^<>\"']*+)*+>"
_DRESS: Final = re.compile(f"</?(?:span|{_DRESS_TAGS}|SPAN|{_DRESS_TAGS.upper()}){_ATTRIBUTES}")
# Spans stay where some of them may be hidden.
_DRESS_BUT_SPAN: Final = re.compile(f"</?(?:{_DRESS_TAGS}|{_DRESS_TAGS.upper()}){_ATTRIBUTES}")

# Selectors run only when the page holds one of these words, because they cost as much as the walk itself.
_MARKS: Final = (
    "_quote",
    "gmail_",
    "cite",
    "moz-",
    "divRplyFwdMsg",
    "appendonsend",
    "OLK_SRC",
    "ignature",
    "display:none",
    "display: none",
)
_QUOTES: Final = (
    "blockquote.freshdesk_quote, div.freshdesk_quote, blockquote.gmail_quote, blockquote[type=cite], .yahoo_quoted, .protonmail_quote, "
    ".zendesk_quote, .moz-cite-prefix, .moz-signature, .gmail_signature, #Signature, .freshdesk_signature, #OLK_SRC_BODY_SECTION"
)
_TAILS: Final = "#divRplyFwdMsg, #appendonsend"
_HIDDEN: Final = '[style*="display:none"], [style*="display: none"]'
_FORWARDED: Final = re.compile(r"forwarded message|전달된 메[시세]지", re.IGNORECASE)

_ZERO_WIDTH: Final = "\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad\u034f"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]+")
_JAMO: Final = re.compile(r"[\u1100-\u11ff]+")
_MANY_SPACES: Final = re.compile(r"[ \t]{2,}")
_MANY_LINES: Final = re.compile(r"\n{3,}")

_DEPTH_MAX: Final = 500
_TAGS_MAX: Final = 1500
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_NO_DEPTH: Final = _tags("area base br col embed hr img input link meta param source track wbr p li td th tr dd dt option")
_ANY_TAG: Final = re.compile(r"(<[^<>]*+>)")
_RAW_TAG: Final = re.compile(r"<\s*(/?)(script|style)\b", re.IGNORECASE)


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
    writer = _read(html, keep_quotes=keep_quotes, headings=None)
    text = _finish("".join(writer.out))
    if not text and not keep_quotes and _is_marked(html):
        return html_to_text(html, keep_quotes=True)
    return text


def html_sections(html: str) -> list[Section]:
    """An article cut at its headings, in order; sections without text are left out unless a heading stands alone."""
    if "<" not in html:
        text = html_to_text(html)
        return [Section(0, "", text)] if text else []
    marks: list[tuple[int, int, int]] = []
    out = _read(html, keep_quotes=True, headings=marks).out
    sections = [Section(0, "", _finish("".join(out[: marks[0][1] if marks else None])))]
    for number, (level, start, end) in enumerate(marks):
        following = marks[number + 1][1] if number + 1 < len(marks) else None
        sections.append(Section(level, " ".join("".join(out[start:end]).split()), _finish("".join(out[end:following]))))
    return [section for section in sections if section.text or section.heading]


def clean_text(text: str) -> str:
    """Plain text with the same spaces, line ends and letters everywhere: no zero-width characters, no runs of blank lines."""
    text = _plain_characters(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
    text = _MANY_SPACES.sub(" ", text)
    text = "\n".join([line.strip() for line in text.split("\n")])
    return _MANY_LINES.sub("\n\n", text).strip()


def _plain_characters(text: str) -> str:
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
    return _plain_characters(text).strip()


def _read(html: str, *, keep_quotes: bool, headings: list[tuple[int, int, int]] | None) -> Writer:
    marked = _is_marked(html)
    html = (_DRESS_BUT_SPAN if marked and "display" in html else _DRESS).sub("", html)
    if _too_deep(html):
        writer = Writer()
        writer.out.append(_flat_text(html))
        return writer
    root = LexborHTMLParser(html).body
    if root is None:
        return Writer()
    if not marked:
        return _walk(root, frozenset(), frozenset(), headings)
    return _walk(root, *_marked_nodes(root, keep_quotes), headings)


def _is_marked(html: str) -> bool:
    return any(mark in html for mark in _MARKS)


def _walk(root: LexborNode, dropped: Collection[int], tails: Collection[int], headings: list[tuple[int, int, int]] | None) -> Writer:
    """Visit the tree without recursion, because mails nest as deep as they like."""
    writer = Writer()
    write = writer.text
    stack: list[tuple[LexborNode, str, int]] = []
    node: LexborNode | None = root.first_child
    while node is not None or stack:
        if node is None:
            node, tag, start = stack.pop()
            _leave(writer, node, tag, start, headings)
            node = node.next
            continue
        tag = node.tag or ""
        if tag == "-text":
            write(node.text_content or "")
        elif tag not in _SKIPPED and not (dropped and node.mem_id in dropped):
            if tails and node.mem_id in tails:
                return writer
            if _enter(writer, node, tag):
                stack.append((node, tag, len(writer.out)))
                node = node.first_child
                continue
        node = node.next
    return writer


def _enter(writer: Writer, node: LexborNode, tag: str) -> bool:
    """Write what a tag itself says; False where there is nothing in it to visit."""
    if tag == "br":
        writer.line_break()
        return False
    if tag == "img":
        attributes = node.attributes
        alt = " ".join((attributes.get("alt") or "").split())
        if alt and attributes.get("width") not in ("0", "1") and attributes.get("height") not in ("0", "1"):
            writer.word(alt)
        return False
    gap = _BLOCKS.get(tag)
    if gap is not None:
        writer.block(gap)
    if tag in _STRUCTURE:
        writer.open(tag)
    return True


def _leave(writer: Writer, node: LexborNode, tag: str, start: int, headings: list[tuple[int, int, int]] | None) -> None:
    if tag == "a":
        writer.link(node.attributes.get("href"), start)
        return
    if headings is not None and tag in _HEADINGS and len(writer.out) > start and not writer.rows:
        headings.append((_HEADINGS[tag], start, len(writer.out)))
    if tag in _STRUCTURE:
        writer.close(tag)
    gap = _BLOCKS.get(tag)
    if gap is not None:
        writer.block(gap)


def _marked_nodes(root: LexborNode, keep_quotes: bool) -> tuple[set[int], set[int]]:
    """The nodes to leave out, and the nodes from which on everything is quoted history."""
    dropped = {node.mem_id for node in root.css(_HIDDEN)}
    if keep_quotes:
        return dropped, set()
    dropped.update(node.mem_id for node in root.css(_QUOTES))
    for container in root.css("div.gmail_quote"):
        _mark_gmail(container, dropped)
    return dropped, {node.mem_id for node in root.css(_TAILS)}


def _mark_gmail(container: LexborNode, dropped: set[int]) -> None:
    """Gmail puts replies between quotes into the quote's own container, and forwarded mails as well: both are kept."""
    first = container.css_first("blockquote")
    if first is None:
        if not _FORWARDED.search((container.text_content or "")[:300]):
            dropped.add(container.mem_id)
        return
    child = container.first_child
    while child is not None:
        dropped.add(child.mem_id)
        if child.mem_id == first.mem_id:
            return
        child = child.next


def _too_deep(html: str) -> bool:
    """Whether tags nest so deep that parsing would take quadratic time: 40,000 open tags take 5 s."""
    if html.count("<") <= _TAGS_MAX:
        return False
    stack: list[str] = []
    for closing, name in _TAG.findall(html):
        tag = name.lower()
        if tag in _NO_DEPTH:
            continue
        if not closing:
            stack.append(tag)
            if len(stack) > _DEPTH_MAX:
                return True
        elif stack and stack[-1] == tag:
            stack.pop()
    return False


def _flat_text(html: str) -> str:
    """Text between tags, for pages that no mail program wrote."""
    pieces: list[str] = []
    raw = False
    for piece in _ANY_TAG.split(html):
        if piece.startswith("<"):
            if match := _RAW_TAG.match(piece):
                raw = not match.group(1)
            pieces.append("\n" if piece[1:4].lower() in ("br>", "br/", "br ", "/p>", "/di", "/li", "/tr") else " ")
        elif not raw:
            pieces.append(piece)
    return clean_text(entities.unescape("".join(pieces)))

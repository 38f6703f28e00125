"""Cut quoted history, signatures and legal footers off a message, as Korean and English mail programs write them.

    lines -> without quoted history -> without legal footers and "sent from" lines -> without the signature

Every rule looks at a few short lines at a time, so a hostile message of any size takes linear time. (mail-parser-reply 1.36 took
12 s for 15 kB of "On On On", does not know Korean Gmail, and takes all that follows "감사합니다." for a signature.)
"""

import re
from typing import Final

from backend.core.text.signatures import without_footers, without_signature

_HEADER_LINE_MAX: Final = 300
_HEADER_LINES: Final = 3
_BLOCK_LINES: Final = 12

# "2026년 3월 2일 (월) 오전 10:12, 홍길동 <a@b.c>님이 작성:", "2026. 3. 2. 오전 10:12, 홍길동 <a@b.c> 작성:" and their wrapped forms.
_KOREAN_DATE: Final = re.compile(r"^\d{4}\s?(?:년|[.\-/])\s?\d{1,2}\s?(?:월|[.\-/])")
_KOREAN_WROTE: Final = re.compile(
    r"(?:님이|님께서|>|\)|[:\d]\s?[^:]{1,40})\s?(?:작성|쓴 글|보낸 메시지)(?:하셨습니다|하였습니다|했습니다|함)?\s?:$"
)
_ENGLISH_WROTE: Final = re.compile(r"(?:wrote|writes|schrieb|a écrit)\s?:$", re.IGNORECASE)
_ENGLISH_START: Final = re.compile(r"^(?:On\b.{0,40}\d|.{0,80}<[^<>\s]+@[^<>\s]+>|\d{1,4}[./-]\d{1,2}[./-]\d{1,4})", re.IGNORECASE)
_SEPARATOR: Final = re.compile(
    r"^[-_=*\s]{2,20}\s?(?:original (?:message|mail|appointment|email)|reply message|원본\s?(?:메[시세]지|메일|이메일|편지)|"
    r"원래\s?메[시세]지|이전\s?메[시세]지)\s?[-_=*\s]{0,20}(?:>>)?$",
    re.IGNORECASE,
)
_ZENDESK_LINE: Final = re.compile(r"^##-.{1,120}-##")
_FORWARD: Final = re.compile(
    r"^(?:[-_=*\s]{2,20}\s?(?:forwarded (?:message|mail)|전달된?\s?(?:메[시세]지|메일)|전달\s?메[시세]지)\s?[-_=*\s]{0,20}|"
    r"begin forwarded message:|전달된 메[시세]지\s?(?:시작)?\s?:)$",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(
    r"^\*?(?:(from|보낸\s?사람|발신|발신자|보낸\s?이)|"
    r"(sent|date|to|cc|subject|보낸\s?날짜|날짜|일시|받는\s?사람|받는\s?이|수신|수신자|참조|제목))"
    r"\s?:\*?(?:\s|$)",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"^[_\-=]{10,}$")
_HEADER_STARTS: Final = frozenset("oO-_=*#<0123456789")
_FIELD_STARTS: Final = frozenset("*fF보발")
_STARTS: Final = _HEADER_STARTS | _FIELD_STARTS | frozenset(">&bB전")
"""How a line may begin that is quoted, or from which on something is: a quote mark, a header, a forwarded mail's first line."""
_MANY_LINES: Final = re.compile(r"\n{3,}")


def strip_quoted(text: str, *, keep_forwarded: bool = True) -> str:
    """What the author wrote: without quoted history, signature, "sent from" line and confidentiality footer.

    Answers below or between quoted lines stay. A forwarded mail is what its message is about, so it stays unless
    `keep_forwarded` is False. A message that would lose everything is returned whole; a text never gets longer.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    own = _own_lines(lines, keep_forwarded)
    written = _joined(own)
    if written == text:
        # The text itself, whose encoded form and hash may be known already.
        written = text
    if not written:
        # All of it is marked as quoted, such as a mail that was pasted with its quote marks.
        own = [line for line in lines if not line.lstrip().startswith(">")]
        written = _joined(own)
        if not written:
            return _joined(lines)
    cut = without_signature(without_footers(own))
    # Nothing is cut off most messages.
    return written if len(cut) == len(own) else _joined(cut) or written


def _joined(lines: list[str]) -> str:
    text = "\n".join([line.rstrip() for line in lines])
    return (_MANY_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()


def _own_lines(lines: list[str], keep_forwarded: bool) -> list[str]:
    if not any(map(_may_begin_history, lines)):
        return lines
    own: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position].strip()
        if line.startswith((">", "&gt;")):
            if _is_quote_run(lines, position, own):
                _drop_rule(own)
            else:
                # A menu path such as "> 설정 > 계정" may begin like a quote; a lone one stays.
                own.append(lines[position])
            position += 1
        elif line and (size := _header_size(lines, position, line)):
            position += size
            if _next_text(lines, position).startswith(">"):
                _drop_rule(own)
            elif _says_something(own):
                _drop_rule(own)
                return own
            # Else nothing stands above the header: what is below is all there is.
        elif line and _FORWARD.match(line[:_HEADER_LINE_MAX]):
            if not keep_forwarded and _says_something(own):
                return own
            # The fields of a forwarded mail are no header of history: they say whose words follow.
            size = 1 + _field_block(lines, position + 1)
            own.extend(lines[position : position + size])
            position += size
        else:
            own.append(lines[position])
            position += 1
    return own


def _says_something(lines: list[str]) -> bool:
    return any(line.strip() for line in lines)


def _may_begin_history(line: str) -> bool:
    """Whether any rule would look at this line: one glance at its ends, which most lines do not survive."""
    line = line.strip()
    return line != "" and (line[0] in _STARTS or line[-1] == ":")


def _is_quote_run(lines: list[str], position: int, own: list[str]) -> bool:
    """Whether a line with a quote mark is quoted: it is unless it stands alone and no header came before."""
    neighbors = (lines[position - 1] if position else "", lines[position + 1] if position + 1 < len(lines) else "")
    if any(neighbor.lstrip().startswith(">") for neighbor in neighbors):
        return True
    return lines[position].strip().count(">") == 1 or not _says_something(own)


def _drop_rule(own: list[str]) -> None:
    """Outlook draws a line of underscores above what it quotes."""
    while own and (not own[-1].strip() or _RULE.match(own[-1].strip())):
        own.pop()
    own.append("")


def _next_text(lines: list[str], position: int) -> str:
    for line in lines[position : position + 4]:
        if line.strip():
            return line.strip()
    return ""


def _header_size(lines: list[str], position: int, line: str) -> int:
    """How many lines a header of quoted history takes from here; 0 where there is none."""
    if len(line) > _HEADER_LINE_MAX:
        return 0
    first = line[0]
    if first in _HEADER_STARTS or line.endswith(":"):
        if _SEPARATOR.match(line) or _ZENDESK_LINE.match(line):
            return 1 + _field_block(lines, position + 1)
        size = _wrote_size(lines, position)
        if size:
            return size
    return _field_block(lines, position) if first in _FIELD_STARTS else 0


def _wrote_size(lines: list[str], position: int) -> int:
    """The line "On … wrote:" and its Korean sisters, on one line or wrapped over three."""
    joined = ""
    for size, part in enumerate(lines[position : position + _HEADER_LINES], 1):
        joined = f"{joined} {part.strip()}".strip()
        if len(joined) > _HEADER_LINE_MAX or not part.strip():
            return 0
        if not joined.endswith(":"):
            continue
        if _ENGLISH_WROTE.search(joined[-20:]) and _ENGLISH_START.match(joined):
            return size
        dated = _KOREAN_DATE.match(joined) is not None
        if _KOREAN_WROTE.search(joined[-80:]) and (dated or "@" in joined):
            return size
    return 0


def _field_block(lines: list[str], position: int) -> int:
    """Outlook's block of From:, Sent:, To:, Subject: lines in either language; 0 where there are fewer than three."""
    sender = fields = gaps = size = 0
    for offset, line in enumerate(lines[position : position + _BLOCK_LINES]):
        stripped = line.strip()
        if not stripped:
            gaps += 1
            if gaps > 1:
                break
            continue
        match = _FIELD.match(stripped[:40])
        if match is None:
            # A long list of addressees wraps; anything else ends the block.
            if fields and "@" in stripped and ";" in stripped:
                continue
            break
        gaps = 0
        fields += 1
        sender += match.group(1) is not None
        size = offset + 1
    return size if sender and fields >= 3 else 0

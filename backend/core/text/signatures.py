"""Find where a message ends and its signature, "sent from" line or legal footer begins."""

import re
from typing import Final

_SENT_FROM: Final = re.compile(
    r"^(?:sent (?:from|via) (?:my|the|an?|outlook|mail|yahoo|samsung|proton|gmail|galaxy|iphone|ipad)\b.{0,60}|"
    r"get (?:outlook|yahoo mail) for .{1,40}|sent with .{1,30} for .{1,20}|"
    r"(?:나의|내|제|저의)\s.{1,30}에서\s?(?:보냄|보냈습니다\.?|발송)|"
    r"(?:iphone|ipad|galaxy|갤럭시|아이폰|android|안드로이드|삼성|네이버|다음|outlook|windows)[^.]{0,40}에서\s?(?:보냄|보냈습니다\.?|전송됨|발송)\.?|"
    r"(?:ios|android|windows)용\s.{1,40}(?:다운로드|가져오기|받기|보냄|메일)\.?)$",
    re.IGNORECASE,
)
_SENT_MAX: Final = 100

_LEGAL: Final = re.compile(
    r"^\W{0,5}(?:confidentiality (?:notice|note|statement)|disclaimer\b|legal notice|"
    r"(?:this|the information (?:contained )?in this) (?:e-?mail|message|communication|transmission)\b.{0,200}?"
    r"(?:confidential|privileged|intended (?:solely|only|for))|"
    r"(?:본|이)\s?(?:전자\s?우편|전자\s?메일|이메일|e-?mail|메일|메[시세]지)(?:은|는|에|의|과)?\s?.{0,150}?"
    r"(?:기밀|비밀|수신인|수신자|수취인|법적|법률|무단|부정경쟁방지)|"
    r"\[?(?:비밀유지|기밀\s?유지|면책)\s?(?:고지|조항|공지|안내)?)",
    re.IGNORECASE,
)

_DASHES: Final = ("--", "---", "—", "–")
_DASHES_BEGIN: Final = frozenset("-—–")
_SIGNATURE_LINES: Final = 15
_CLOSING: Final = re.compile(
    r"^(?:(?:best|kind|warm|many thanks and)?\s?(?:regards|wishes)|best|cheers|sincerely(?: yours)?|yours (?:truly|sincerely|faithfully)|"
    r"(?:thanks|thank you)(?: (?:so|very) much)?(?: (?:and|&) (?:best|kind)? ?regards| in advance| again)?|many thanks|"
    r"감사합니다|감사드립니다|고맙습니다|수고하세요|수고하십시오|좋은 하루 되세요|안녕히 계세요)[\s,.!~^]{0,6}$",
    re.IGNORECASE,
)
_THANKS: Final = ("thank", "many thanks", "감사", "고맙")
_AFTER_CLOSING: Final = 8
_IDENTITY_MAX: Final = 70
_KOREAN_NAME: Final = re.compile(r"^[가-힣]{2,4}(?:\s[가-힣]{2,4}){0,2}$")
_LATIN_NAME: Final = re.compile(r"^[A-Z][\w.'’-]{0,20}(?:\s[A-Z][\w.'’-]{0,20}){0,3}$")
_KOREAN_SIGNED: Final = re.compile(r"^(?:.{0,30}\s)?[가-힣]{2,5}\s?(?:드림|올림|배상|拜上)\.?$")
_CONTACT: Final = re.compile(
    r"\d{2,4}[-.)\s]{1,2}\d{3,4}[-.\s]\d{4}|\+\d{1,3}[\s(-]|[^\s@]{1,60}@[^\s@]{1,60}\.[a-z]{2}|https?://|www\.|"
    r"^(?:tel|phone|mobile|fax|e-?mail|e|t|m|f|전화|휴대폰|휴대전화|팩스|이메일|주소|h\.?p)\s?[.:)|]",
    re.IGNORECASE,
)
_ROLE: Final = re.compile(
    r"(?:사원|주임|대리|과장|차장|부장|팀장|실장|이사|상무|전무|대표|대표이사|매니저|연구원|담당자|주식회사|㈜|\(주\)|사업부|본부|팀|상담원)(?:\s|$|[|/,])|"
    r"\b(?:inc|ltd|llc|corp|gmbh|team|manager|engineer|director|support|specialist|officer|lead)\b\.?",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"(?:[다요죠까음함임]|\?)[.!?~\s]{0,3}$|[a-z]{2,}[.!?]$|:$")
_ITEM: Final = re.compile(r"^(?:[-*•·]\s|\(?\d{1,2}[.)]\s)")


def without_footers(lines: list[str]) -> list[str]:
    """Leave out "sent from" lines and the paragraphs of legal footers that stand below something else."""
    kept: list[str] = []
    legal = started = False
    for line in lines:
        stripped = line.strip()
        if not stripped:
            legal = False
        elif legal or (len(stripped) <= _SENT_MAX and _SENT_FROM.match(stripped)):
            continue
        elif started and _LEGAL.match(stripped[:400]):
            legal = True
            continue
        else:
            started = True
        kept.append(line)
    return kept


def without_signature(lines: list[str]) -> list[str]:
    """Cut the signature: below `--`, or a name and contact lines below a closing. Thanks are kept, they tell how it ended."""
    texts = [position for position, line in enumerate(lines) if line.strip()]
    for place in range(max(1, len(texts) - _SIGNATURE_LINES), len(texts)):
        if lines[texts[place]].lstrip()[0] in _DASHES_BEGIN and _is_border(lines, texts[place:]):
            lines = lines[: texts[place]]
            texts = texts[:place]
            break
    tail = texts[-_AFTER_CLOSING - 1 :]
    for place in range(len(tail) - 1, -1, -1):
        closing = lines[tail[place]].strip()
        if len(closing) > 60 or not _CLOSING.match(closing):
            continue
        below = [lines[position].strip() for position in tail[place + 1 :]]
        if below and not _is_identity(below):
            break
        return lines[: tail[place] + (1 if closing.lower().startswith(_THANKS) or not place else 0)]
    while len(texts) > 1 and _is_signed(lines[texts[-1]].strip()):
        lines = lines[: texts.pop()]
    return lines


def _is_border(lines: list[str], texts: list[int]) -> bool:
    """Whether the first of these lines begins a signature: `--` always does, other dashes only above a name."""
    first = lines[texts[0]].strip()
    return first == "--" or (first in _DASHES and _is_identity([lines[position].strip() for position in texts[1:]]))


def _is_signed(line: str) -> bool:
    return len(line) <= _IDENTITY_MAX and _KOREAN_SIGNED.match(line) is not None


def _is_identity(lines: list[str]) -> bool:
    """Whether short lines say who somebody is, rather than go on with the matter."""
    certain = 0
    for line in lines:
        if len(line) > _IDENTITY_MAX * 2 or _ITEM.match(line):
            return False
        if _CONTACT.search(line) or _is_signed(line) or (len(line) <= _IDENTITY_MAX and _ROLE.search(line)):
            certain += 1
        elif len(line) > _IDENTITY_MAX or _SENTENCE.search(line):
            return False
    return certain > 0 or (len(lines) == 1 and bool(_KOREAN_NAME.match(lines[0]) or _LATIN_NAME.match(lines[0])))

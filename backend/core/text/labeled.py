"""Personal numbers that only the words around them tell: bank accounts, passports, partly starred resident numbers.

The same digits may number an order or a parcel, so what stands before them decides both ways: `named_otherwise` says what is
no personal number because somebody wrote which number it is.

Sources: https://en.wikipedia.org/wiki/Resident_registration_number, https://en.wikipedia.org/wiki/South_Korean_passport; groupings of
accounts as the banks print them (110-123-456789, 1002-123-456789, 123456-01-123456, 302-1234-5678-91, 3333-01-1234567).
"""

import re
from collections.abc import Iterator
from typing import Final

from backend.core.model.personal import Kind, Span

_BEFORE: Final = 60
"""Characters before a number that may say what it is."""

_NOUNS: Final = "주문|송장|운송장|배송|택배|인보이스|접수|예약|결제|거래|승인|티켓|상품|제품|모델|시리얼|일련|영수증|견적|계약|추적|관리"
_OTHER = re.compile(
    rf"(?:(?:{_NOUNS})[ \t]?(?:번호|넘버|no\.?|id|코드|#)|송장|시리얼"
    r"|\b(?:order|invoice|tracking|shipment|parcel|booking|ticket|case|serial|reference|transaction|receipt|product|model)"
    r"[ \t]?(?:numbers?|nos?\.?|nr\.?|ids?|codes?|\#)|\b(?:invoice|tracking))"
    r"(?:은|는|이|가|을|를|도)?(?:[ \t]is)?[\s:：=#()\[\]\"'`]{0,4}"
    # A list: `주문번호 240101-1234567, 240101-1234568`.
    r"(?:[0-9][0-9 -]{4,24}[ \t]?(?:,|/|및|와|과|·|~|&|and)[ \t]?)*\Z",
    re.IGNORECASE,
)
_RESIDENT = re.compile(
    r"(?:주민(?:등록)?[ \t]?번호|주민등록|외국인(?:등록)?[ \t]?번호|거소신고[ \t]?번호|\bRRN|resident registration(?: (?:number|no\.?))?)"
    r"[^0-9]{0,12}\Z",
    re.IGNORECASE,
)

_STARS: Final = "*＊•●○"
_STARRED = re.compile(
    rf"(?<![0-9A-Za-z{_STARS}_-])(?P<birth>[0-9]{{6}}|[0-9]{{2}}[{_STARS}]{{4}}|[{_STARS}]{{6}})"
    rf"(?P<joint>[ -]{{0,3}})(?P<rest>[1-8{_STARS}][0-9{_STARS}xX]{{6}})(?![0-9A-Za-z{_STARS}]|-[0-9])"
)
_HIDDEN: Final = tuple(star * 3 for star in _STARS)
_BIRTH = re.compile(r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")

_BANK = re.compile(
    "은행|뱅크|계좌|농협|축협|수협|신협|새마을금고|증권|우체국[ \t]?예금|통장"
    r"|\bbank\b|\bBank\b|\bBANK\b|\ba/c\b"
)
_NICKNAMES: Final = "국민|신한|우리|하나|기업|카카오|토스|카뱅|케뱅|제일|씨티|대구|부산|경남|광주|전북|제주|산업|우체국|KB|NH|IBK|SC|iM"
_SHORT = re.compile(rf"(?<![가-힣A-Za-z])(?:{_NICKNAMES})[ \t]?[:：]?[ \t]?\Z")
_BEHIND = re.compile(r"[ \t,/()]{0,3}[가-힣A-Za-z]{0,6}(?:은행|뱅크|농협|수협|신협|새마을금고|계좌)")
_ACCOUNT = re.compile(
    r"(?<![0-9])(?:[0-9]{3,6}(?P<joint>-| - |[ ])[0-9]{1,8}(?:(?P=joint)[0-9]{1,8}){0,3}|[0-9]{10,14})(?![0-9]|[.-][0-9])"
)
_GLUED = re.compile(r"(?:[A-Za-z0-9_#$€£₩]|[A-Za-z0-9][.,/-])\Z")
_GOES_ON = re.compile(r"[A-Za-z0-9_]|[.,/-][0-9]")
_MONEY = re.compile(r"[ \t]?(?:원|만[ \t]?원|천[ \t]?원|달러|won\b|KRW|USD|건|개(?!인)|명|%|점|포인트)", re.IGNORECASE)
_TIME = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_LOOKS_OTHERWISE = re.compile(
    r"[0-9]{3}-[0-9]{2}-[0-9]{5}|(?:19|20)[0-9]{2}([ -])[01]?[0-9]\1.*|1[568][0-9]{2}-[0-9]{4}.*|0[0-9]{1,2}-[0-9]{3,4}-[0-9]{4}"
)
"""A business registration number, dates, phone numbers."""

_KOREAN_PASSPORT = re.compile(r"[MSRGD][0-9]{3}(?:[0-9]{5}|[A-Z][0-9]{4})(?![A-Za-z0-9_]|[.-][0-9])")
_LABELED_PASSPORT = re.compile(
    r"(?:여권|[Pp]assport|PASSPORT)(?:[ \t]?(?:번호|[Nn]umber|[Nn]o\.?|NO\.?|NUMBER|#))?(?:은|는|이|가|을|를|의)?(?:[ \t]is)?"
    r"[^A-Za-z0-9\n]{0,12}"
    r"(?P<number>[A-Z0-9]{6,10})(?![A-Za-z0-9_]|[.-][0-9])"
)


def named_otherwise(text: str, start: int) -> bool:
    """Whether the words before `start` name the number there: an order, invoice, parcel, ticket or serial number."""
    return _OTHER.search(text, max(0, start - _BEFORE), start) is not None


def named_resident(text: str, start: int) -> bool:
    """Whether the words before `start` say that a resident-registration number comes."""
    return _RESIDENT.search(text, max(0, start - 40), start) is not None


def is_amount(text: str, end: int) -> bool:
    """Whether a unit follows: `1588-1600원`."""
    return _MONEY.match(text, end) is not None


def starred(text: str, plain: dict[int, str]) -> Iterator[Span]:
    """Partly starred resident-registration numbers; `plain` makes dashes, blanks and digits plain ones."""
    if not any(stars in text for stars in _HIDDEN):
        return
    for found in _STARRED.finditer(text.translate(plain)):
        birth, rest = found["birth"], found["rest"]
        hidden = sum(not character.isdigit() for character in birth + rest)
        # `******-*******` tells nothing; without a separator the birthday has to be whole.
        if not 3 <= hidden < 13 or (birth.isdigit() and not _BIRTH.fullmatch(birth)) or not (found["joint"] or birth.isdigit()):
            continue
        yield Span(*found.span(), Kind.RESIDENT)


def accounts(text: str, run: str, start: int) -> Iterator[Span]:
    """The bank accounts in a run of digits, dashes and blanks (plain ones) that begins at `start` in `text`."""
    if len(run) < 10:
        return
    for found in _ACCOUNT.finditer(run):
        value = found.group()
        first, last = start + found.start(), start + found.end()
        if not 10 <= sum(map(str.isdigit, value)) <= 16 or _LOOKS_OTHERWISE.fullmatch(value) or (value.isdigit() and _TIME.match(value)):
            continue
        if _GLUED.search(text, max(0, first - 2), first) or _GOES_ON.match(text, last):
            continue
        if _of_a_bank(text, first, last, dashed="-" in value) and not is_amount(text, last) and not named_otherwise(text, first):
            yield Span(first, last, Kind.ACCOUNT)


def passports(text: str) -> Iterator[Span]:
    """Passport numbers: Korean ones by their form, others where they are called so."""
    for found in _KOREAN_PASSPORT.finditer(text):
        start, end = found.span()
        if not (_TIME.fullmatch(found.group()[1:]) or _GLUED.search(text, max(0, start - 2), start) or named_otherwise(text, start)):
            yield Span(start, end, Kind.PASSPORT)
    if "여권" not in text and "assport" not in text and "PASSPORT" not in text:
        return
    for found in _LABELED_PASSPORT.finditer(text):
        number = found["number"]
        if sum(map(str.isdigit, number)) >= 5 and not _TIME.fullmatch(number) and not is_amount(text, found.end()):
            yield Span(found.start("number"), found.end("number"), Kind.PASSPORT)


def _of_a_bank(text: str, start: int, end: int, *, dashed: bool) -> bool:
    before = max(0, start - 32)
    if _BANK.search(text, before, start) is not None or _BEHIND.match(text, end) is not None:
        return True
    return dashed and _SHORT.search(text, before, start) is not None

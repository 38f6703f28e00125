"""Find personal data in Korean and English text: e-mail addresses, phone, card, resident-registration and passport numbers, accounts.

A value is what its own check says it is (a date, Luhn, mod 97, a known area or country code) and stands alone: numbers of tickets
and orders, error codes, versions, dates, amounts and UUIDs are left as they are.

Sources: https://en.wikipedia.org/wiki/Telephone_numbers_in_South_Korea, https://www.itu.int/rec/T-REC-E.164,
https://en.wikipedia.org/wiki/Payment_card_number, https://en.wikipedia.org/wiki/Resident_registration_number,
https://en.wikipedia.org/wiki/International_Bank_Account_Number.
"""

import re
from collections.abc import Iterator
from typing import Final

from backend.core.model.personal import Kind, Span
from backend.core.text import labeled

_DASHES: Final = "-‐‑‒–—―−－ｰ"
_BLANKS: Final = " \u00a0\u2009\u202f\u3000\u200b\u200c\u200d\u2060\u00ad"
_DOTS: Final = ".．·"
_PARENTHESES: Final = "()（）"
_DIGIT: Final = "0-9０-９"
_JOINT: Final = "".join(map(re.escape, _DASHES + _BLANKS + _DOTS + _PARENTHESES))
_PLAIN: Final = str.maketrans(
    dict.fromkeys(_DASHES, "-")
    | dict.fromkeys(_BLANKS, " ")
    | dict.fromkeys(_DOTS, ".")
    | {"（": "(", "）": ")", "＋": "+"}
    | {chr(0xFF10 + digit): str(digit) for digit in range(10)}
)
"""One character for one character, so that a place in the plain text is the same place in the original."""

# Seven digits are the least that any number we look for has; most texts end here.
_RUN = re.compile(rf"[{_DIGIT}](?:[{_JOINT}]{{0,3}}[{_DIGIT}]){{6,}}")
_AT = re.compile("@|＠|%40")
_ADDRESS: Final = "A-Za-z0-9Ａ-Ｚａ-ｚ０-９"
_LOCAL = re.compile(rf"(?:[{_ADDRESS}._+'．＿－-]+|[가-힣]+)\Z")
_DOMAIN = re.compile(rf"(?:[{_ADDRESS}가-힣-]+[.．])+(?:[A-Za-zａ-ｚＡ-Ｚ]{{2,24}}|한국)")
_LOCAL_CHARS: Final = 64
# `icon@2x.png` is a file, `git@host` a login that everybody shares.
_FILES: Final = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".css", ".js")
_SHARED: Final = frozenset({"git"})

_S: Final = r"[ .()-]{0,3}"
_E: Final = r"(?![0-9]|[.-][0-9])"
_MOBILE: Final = rf"01[016789]{_S}[0-9]{{3,4}}{_S}[0-9]{{4}}"
_AREA: Final = r"2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|[3678]0|50[2-9]"
_NUMBER = re.compile(
    rf"(?P<resident>[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[ -]{{0,3}}[1-8][0-9]{{6}}{_E})"
    rf"|(?P<card>(?:[0-9]{{4}}(?:[ .-]{{1,3}}[0-9]{{4}}){{3}}(?:[ .-]{{1,3}}[0-9]{{3}}(?![0-9]))?"
    rf"|[0-9]{{4}}[ .-]{{1,3}}[0-9]{{6}}[ .-]{{1,3}}[0-9]{{4,5}}|[0-9]{{14,19}}){_E})"
    rf"|(?P<home>\(?(?:{_MOBILE}|0(?:{_AREA}){_S}[0-9]{{3,4}}{_S}[0-9]{{4}}){_E})"
    rf"|(?P<abroad>\+{_S}82{_S}0?{_S}(?:1[016789]|{_AREA}){_S}[0-9]{{3,4}}{_S}[0-9]{{4}}{_E}"
    rf"|(?:\+1{_S}|1[ -])\(?[2-9][0-9]{{2}}{_S}[2-9][0-9]{{2}}{_S}[0-9]{{4}}{_E}"
    rf"|\+[1-9][0-9]{{6,14}}{_E}"
    rf"|(?:\+|00)[1-9][0-9]{{0,2}}(?:[ .()-]{{1,3}}(?!(?:19|20)[0-9]{{2}}[.-])[0-9]{{1,6}}){{1,5}}[ .()-]{{1,3}}[0-9]{{2,6}}{_E})"
    rf"|(?P<prefixed>82[ .-]{{0,3}}\(?0?\)?10{_S}[0-9]{{4}}{_S}[0-9]{{4}}{_E})"
    r"|(?P<hotline>(?:15(?:22|33|44|51|55|66|77|88|99)|16(?:00|44|6[01689]|7[07]|88)|18(?:00|11|33|55|66|77|99))"
    rf" ?- ?[0-9]{{4}}{_E})"
    rf"|(?P<american>(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}(?P<joint>[ .-]))[2-9][0-9]{{2}}(?(joint)(?P=joint)|[ .-])[0-9]{{4}}{_E})"
    rf"|(?P<trunk>\(?0[1-9][0-9]{{0,3}}\)?[ -][0-9]{{3,4}}[ -][0-9]{{3,4}}{_E})"
)
_THOUSANDS = re.compile(r"\+[0-9]{1,3}(?:\.[0-9]{3})+")
_DATE = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}[.-] ?[01]?[0-9][.-] ?[0-3]?[0-9]")
_COUNTRY = re.compile(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-689]|3[578]|42|5[09]|6[789]|8[0578]|9[679])[0-9]")
_LABEL = re.compile(r"(?:tel|mobile|phone|cell|fax|call|hp|[tmpfh])\Z", re.IGNORECASE)
_CARDS = re.compile(
    r"4[0-9]{15}(?:[0-9]{3})?|(?:5[1-5]|9[0-9])[0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|3[068][0-9]{12}|6[0-9]{15,18}|35[0-9]{14}"
)
_RESIDENT_WEIGHTS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)

_IBAN = re.compile(r"[A-Z]{2}(?<![A-Za-z0-9][A-Z]{2})[0-9]{2} ?[A-Z0-9]{4}(?: ?[A-Z0-9]{4}){1,6}(?: ?[A-Z0-9]{1,3})?")
_IBAN_COUNTRIES: Final = (
    "AD:24 AE:23 AT:20 BE:16 BG:22 CH:21 CY:28 CZ:24 DE:22 DK:18 EE:20 ES:24 FI:18 FR:27 GB:22 GR:27 HR:21 HU:28 IE:22 "
    "IL:23 IS:26 IT:27 LI:21 LT:20 LU:20 LV:21 MC:27 MT:31 NL:18 NO:15 PL:28 PT:25 RO:24 SA:24 SE:24 SI:19 SK:24 TR:26 UA:29"
)
_IBAN_LENGTHS: Final = {pair[:2]: int(pair[3:]) for pair in _IBAN_COUNTRIES.split()}


def find(text: str) -> list[Span]:
    """The personal data in a text, in order and without overlap."""
    spans = [*_emails(text), *_ibans(text)] if len(text) > 5 else []
    spans += _numbers(text)
    spans += [*labeled.starred(text, _PLAIN), *labeled.passports(text)]
    if len(spans) < 2:
        return spans
    spans.sort(key=lambda span: (span.start, -span.end))
    kept = spans[:1]
    for span in spans[1:]:
        if span.start >= kept[-1].end:
            kept.append(span)
    return kept


def find_emails(text: str) -> list[Span]:
    """The e-mail addresses alone, which takes a tenth of the time."""
    return list(_emails(text))


def _emails(text: str) -> Iterator[Span]:
    if "@" not in text and "＠" not in text and "%40" not in text:
        return
    end = 0
    for at in _AT.finditer(text):
        # Looking back from each sign: a search for the local part itself would take for ever in a long blob of letters.
        local = _LOCAL.search(text, max(end, at.start() - _LOCAL_CHARS), at.start())
        domain = _DOMAIN.match(text, at.end())
        if local is None or domain is None or local.group().lower() in _SHARED or domain.group().lower().endswith(_FILES):
            continue
        start = local.start()
        while text[start] in ".'-．－":
            start += 1
            if start == at.start():
                break
        else:
            end = domain.end()
            yield Span(start, end, Kind.EMAIL)


def _ibans(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(found.group()[:2], 0)
        end = found.end()
        if length:
            end = found.start()
            for character in found.group():
                length -= character != " "
                end += 1
                if not length:
                    break
        compact = text[found.start() : end].replace(" ", "")
        if length or (end < len(text) and text[end].isascii() and text[end].isalnum()):
            continue
        if int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1:
            yield Span(found.start(), end, Kind.IBAN)


def _numbers(text: str) -> Iterator[Span]:
    for run in _RUN.finditer(text):
        start = run.start()
        while start > 0 and run.start() - start < 2 and text[start - 1] in "+＋(（":
            start -= 1
        plain = text[start : run.end()].translate(_PLAIN)
        at = 0
        spans: list[Span] = []
        while found := _NUMBER.search(plain, at):
            first, end = start + found.start(), start + found.end()
            kind = _kind(found, text, first, end)
            if kind is not None and _stands_alone(text, first, end):
                spans.append(Span(first, end, kind))
                at = found.end()
            else:
                at = found.start() + 1
        yield from spans
        # A phone number beside a bank's name is a phone number.
        for account in labeled.accounts(text, plain, start):
            if not any(account.start < span.end and span.start < account.end for span in spans):
                yield account


def _kind(found: re.Match[str], text: str, first: int, last: int) -> Kind | None:
    """What a candidate is, where its own check confirms it and nobody named it something else."""
    value = found.group()
    digits = "".join(filter(str.isdigit, value))
    match found.lastgroup:
        case "resident":
            return Kind.RESIDENT if _is_resident(value, digits, text, first) else None
        case "card":
            return Kind.CARD if _CARDS.fullmatch(digits) and _luhn(digits) and not labeled.named_otherwise(text, first) else None
        case "abroad":
            return Kind.PHONE if _is_abroad(value, digits) else None
        case "hotline":
            # 1600-1700 is a range of round numbers, 1588-1600원 one of prices.
            return None if (digits.endswith("00") and digits[2:4] == "00") or labeled.is_amount(text, last) else Kind.PHONE
        case "trunk":
            return Kind.PHONE if 9 <= len(digits) <= 11 else None
    return None if value.isdigit() and labeled.named_otherwise(text, first) else Kind.PHONE


def _is_resident(value: str, digits: str, text: str, first: int) -> bool:
    """Without a separator it may as well be a time in milliseconds: its check digit tells, or its name, for those since 2020 have none."""
    if value.isdigit() and not _resident_check(digits):
        return labeled.named_resident(text, first)
    return not labeled.named_otherwise(text, first)


def _is_abroad(value: str, digits: str) -> bool:
    digits = digits[2:] if value.startswith("00") else digits
    if not 8 <= len(digits) <= 15 or _THOUSANDS.fullmatch(value) or _DATE.search(value):
        return False
    first = re.split(r"[ .()-]+", value.lstrip("+0 "), maxsplit=1)[0]
    if not value.startswith(("+", "00")):
        # 1-415-555-0132 without the plus: the groups must show.
        return len(first) == 1
    return _COUNTRY.fullmatch(first) is not None if len(first) <= 3 else _COUNTRY.match(first) is not None


def _luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0 and len(set(digits)) > 1


def _resident_check(digits: str) -> bool:
    total = sum(weight * int(digit) for weight, digit in zip(_RESIDENT_WEIGHTS, digits[:12], strict=True))
    # Foreigners' numbers have the same check digit, two further on.
    offset = 13 if digits[6] in "5678" else 11
    return (offset - total % 11) % 10 == int(digits[12])


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing around says that it is a part of a longer number or code; Korean particles and labels may be glued to it."""
    if end < len(text) and (_is_code(text[end]) or text[end] == "_") and text[end] not in "xX":
        return False
    if start == 0:
        return True
    before = text[start - 1]
    two = text[start - 2] if start > 1 else " "
    if _is_code(before):
        # `\n010` is a line end written out, as in JSON.
        return (two == "\\" and before in "nt") or (
            _LABEL.search(text[max(0, start - 6) : start]) is not None and _label_alone(text, start)
        )
    if before in _DASHES or before in ".．·/":
        return not two.isdigit() if before in ".．·/" else not two.isalnum()
    return before not in "_#$€£₩"


def _label_alone(text: str, start: int) -> bool:
    """Whether the letters before a number are a label such as `Tel` and not the end of a word or code."""
    found = re.search(r"[A-Za-z0-9_-]*\Z", text[max(0, start - 12) : start])
    return found is not None and _LABEL.fullmatch(found.group()) is not None


def _is_code(character: str) -> bool:
    return character.isascii() and character.isalnum()

"""Tell Korean from English by the letters of a text."""

import re
from typing import Final

_SAMPLE: Final = 4_000
_KOREAN_SHARE: Final = 0.2
_LATIN_SHARE: Final = 0.8
# A syllable block says about as much as two and a half Latin letters; with this weight Korean full of product names stays Korean.
_SYLLABLE_WEIGHT: Final = 2.5

_ADDRESSES: Final = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")
_HANGUL: Final = re.compile(r"[가-힣ㄱ-ㆎ]+")
_LATIN: Final = re.compile(r"[A-Za-z]+")
_OTHER: Final = re.compile(r"[\u00c0-\u10ff\u1200-\u1fff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def detect_language(text: str) -> str:
    """`ko`, `en`, or an empty text where there are no letters or those of other scripts prevail.

    By script only: a text in another language with Latin letters counts as English.
    """
    sample = _ADDRESSES.sub(" ", text[:_SAMPLE])
    latin = _length(_LATIN, sample)
    if sample.isascii():
        return "en" if latin else ""
    hangul = _length(_HANGUL, sample) * _SYLLABLE_WEIGHT
    other = _length(_OTHER, sample) * _SYLLABLE_WEIGHT
    letters = hangul + latin + other
    if not letters:
        return ""
    if hangul >= letters * _KOREAN_SHARE and hangul > other:
        return "ko"
    return "en" if latin >= letters * _LATIN_SHARE else ""


def _length(letters: re.Pattern[str], text: str) -> int:
    return sum(map(len, letters.findall(text)))

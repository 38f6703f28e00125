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
_NO_LETTERS: Final = bytes(each for each in range(256) if not (each < 128 and chr(each).isalpha()))
_NO_SYLLABLES: Final = bytes(each for each in range(256) if not 0xAC <= each < 0xD7)
"""What the upper halves of UTF-16 are but for Korean syllables; those of the last block are left to the pattern."""
_OTHER: Final = re.compile(r"[\u00c0-\u10ff\u1200-\u1fff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def detect_language(text: str) -> str:
    """`ko`, `en`, or an empty text where there are no letters or those of other scripts prevail.

    By script only: a text in another language with Latin letters counts as English.
    """
    sample = text[:_SAMPLE]
    # To look for addresses where there can be none takes longer than all the rest.
    if "@" in sample or "://" in sample or "www." in sample:
        sample = _ADDRESSES.sub(" ", sample)
    plain = sample.encode("utf-8", "surrogatepass")
    latin = len(plain.translate(None, _NO_LETTERS))
    if len(plain) == len(sample):
        return "en" if latin else ""
    syllables = _syllables(sample)
    # A syllable takes three bytes: where nothing else takes more than one, there is nothing else but ASCII.
    if len(plain) == len(sample) + 2 * syllables:
        hangul, other = syllables * _SYLLABLE_WEIGHT, 0.0
    else:
        hangul = _length(_HANGUL, sample) * _SYLLABLE_WEIGHT
        other = _length(_OTHER, sample) * _SYLLABLE_WEIGHT
    letters = hangul + latin + other
    if not letters:
        return ""
    if hangul >= letters * _KOREAN_SHARE and hangul > other:
        return "ko"
    return "en" if latin >= letters * _LATIN_SHARE else ""


def _syllables(text: str) -> int:
    """How many Korean syllables there are at least: counted by halves of characters, ten times as fast as a pattern is."""
    return len(text.encode("utf-16-le", "surrogatepass")[1::2].translate(None, _NO_SYLLABLES))


def _length(letters: re.Pattern[str], text: str) -> int:
    return sum(map(len, letters.findall(text)))

"""Words that are not Korean: plain words, numbers, codes, addresses, and the scripts written without spaces."""

import re
import unicodedata
from functools import lru_cache

HANGUL = "가-힣"
# Kana, the unified ideographs and their first extension, compatibility ideographs.
UNSPACED = "぀-ヿ㐀-䶿一-鿿豈-﫿"
JAMO = "ᄀ-ᇿㄱ-ㆎ"
_LETTER = rf"[^\W_{HANGUL}{UNSPACED}{JAMO}]"
# Without groups: `findall` gives the words in a fraction of the time that matches take.
WORD = re.compile(rf"[{HANGUL}]+|[{UNSPACED}]+|(?<![\d.,])\d{{1,3}}(?:,\d{{3}})+(?![\d,])|{_LETTER}+(?:[-_.@']+{_LETTER}+)*")
"""A run of Korean or of unspaced letters, an amount like `1,234`, or a plain word, number, code or address."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_JOINTS = re.compile(r"[-_.@']+")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")
_VOWEL = re.compile(r"[aeiouy]")
# Endings of derived words, and how many letters must be left for it to be one: `payment`, `cancellation`, `connection`.
_ENDINGS = (("ation", 4), ("ate", 4), ("at", 4), ("ment", 3))

_STOP_WORDS = """a about after again all also am an and any are as at be because been before being but by can could did do does
doing done each for from get gets getting got had has have having he hello her hi him his how http https i if in into is it its
just let like ll may me might more most must my no nor not now of off on once only or other our out over own please re s same
shall she should so some such t than thank thanks that the their them then there these they this those through to too try trying
under until up us ve very was we were what when where which while who whom why will with would www you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def normalize(text: str) -> str:
    """One form for what looks the same: composed Hangul, plain-width letters, no case."""
    return unicodedata.normalize("NFKC", text).casefold()


def is_hangul(word: str) -> bool:
    """Whether a WORD is Korean: by its first character, since it has one kind only."""
    return "가" <= word[0] <= "힣"


def other_terms(word: str) -> tuple[str, ...]:
    """Terms of a WORD that is not Korean."""
    return pairs(word) if _UNSPACED.match(word) else plain_terms(word.replace(",", ""))


def stem(word: str) -> str:
    """An English word without its plural, -ing, -ed and -ly, so that `charges`, `charged` and `charging` meet.

    Rules of thumb, not a dictionary: both sides of a search go through them, so a stem need not be a word.
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ingly", "edly", "ing", "ed", "ly"):
        rest = word[: -len(suffix)]
        if word.endswith(suffix) and len(rest) >= (4 if suffix == "ly" else 3) and _VOWEL.search(rest):
            word = _DOUBLED.sub(r"\1", rest)
            break
    if word.endswith(("ction", "sion", "ption")):
        word = word[:-3]
    for suffix, least in _ENDINGS:
        if word.endswith(suffix) and len(word) - len(suffix) >= least:
            word = word[: -len(suffix)]
            break
    if len(word) > 4 and word.endswith("ll"):
        word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


@lru_cache(maxsize=65_536)
def plain_terms(word: str) -> tuple[str, ...]:
    """Terms of a word, number, code or address (normalized): whole, and in parts where it has joints.

    `err-4012` gives `err-4012`, `err`, `4012`; a lone digit that is only a part says nothing and is left out.
    """
    parts = [part for part in _JOINTS.split(word) if part]
    if len(parts) == 1:
        return () if word in STOP_WORDS else (stem(word),)
    if "'" in word and all(part.isalpha() for part in parts):
        # `don't` and `customer's` are words with an ending, not codes.
        return plain_terms(parts[0])
    small = tuple(stem(part) for part in parts if len(part) > 1 and part not in STOP_WORDS)
    return (word, *small)


def pairs(run: str) -> tuple[str, ...]:
    """Overlapping pairs of characters; a single character stays as it is."""
    return (run,) if len(run) == 1 else tuple(run[i : i + 2] for i in range(len(run) - 1))

"""Estimate tokens without a tokenizer, and keep texts within a budget of them."""

import math
import re
from typing import Final

# Measured shares of the tokenizers of present models: a Hangul syllable is most of a token, 3.6 other characters are one.
_PER_HANGUL: Final = 0.75
_PER_OTHER: Final = 1 / 3.6
_HANGUL: Final = re.compile(r"[가-힣]+")
_BORDERS: Final = ("\n\n", "\n", ". ", "다. ", "요. ", "? ", "! ", " ")
_BORDER_SHARE: Final = 0.8


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, rounded up; for budgets, not for bills."""
    hangul = 0 if text.isascii() else sum(map(len, _HANGUL.findall(text)))
    # Rounding first keeps 36 characters at 10 tokens, where the float sum is a hair above.
    return math.ceil(round(hangul * _PER_HANGUL + (len(text) - hangul) * _PER_OTHER, 6))


def clip_tokens(text: str, limit: int) -> str:
    """The beginning of a text within `limit` tokens, cut at a border of paragraph, sentence or word where one is near."""
    if limit <= 0:
        return ""
    if len(text) * _PER_HANGUL <= limit or estimate_tokens(text) <= limit:
        return text
    low, high = 0, min(len(text), math.ceil(limit / _PER_OTHER))
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    clipped = text[:low]
    for border in _BORDERS:
        at = clipped.rfind(border, int(low * _BORDER_SHARE))
        if at > 0:
            return clipped[: at + len(border)].rstrip()
    return clipped.rstrip()

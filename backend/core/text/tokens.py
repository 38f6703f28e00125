"""Cutting text into search terms; Korean without its particles' interference."""

from functools import lru_cache
from itertools import chain
from typing import Protocol

from backend.core.text.hangul import hangul_terms
from backend.core.text.kiwi import KiwiTokenizer
from backend.core.text.words import WORD, is_hangul, normalize, other_terms


class Tokenizer(Protocol):
    """Turns text into terms. Documents and questions must be cut by the same one: its `id` names the collection."""

    @property
    def id(self) -> str:
        """Name and version, such as `bigram-1`."""
        ...

    def terms(self, text: str) -> list[str]:
        """Terms in order, repeated as often as they occur; lower case, stop words left out."""
        ...

    def words(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """The words that say something, each with its terms; what the coverage of a question is counted in."""
        ...


class BigramTokenizer:
    """The default: Korean (and Chinese, Japanese) in overlapping pairs of syllables, the rest in stemmed words.

    Needs no model and no memory. `로그인 오류` and `로그인에서 오류가 발생했습니다` share all terms of the shorter one.
    """

    id = "bigram-1"

    def terms(self, text: str) -> list[str]:
        """Terms in order, repeated as often as they occur."""
        return list(chain.from_iterable(map(_terms, WORD.findall(normalize(text)))))

    def words(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """The words that say something, each with its terms."""
        return [(word, terms) for word in WORD.findall(normalize(text)) if (terms := _terms(word))]


@lru_cache(maxsize=65_536)
def _terms(word: str) -> tuple[str, ...]:
    return hangul_terms(word) if is_hangul(word) else other_terms(word)


def make_tokenizer(name: str) -> Tokenizer:
    """The tokenizer of that name: `bigram` or `kiwi`.

    Raises ValueError for another name, ImportError where kiwi's package is not installed.
    """
    if name == "bigram":
        return BigramTokenizer()
    if name == "kiwi":
        return KiwiTokenizer()
    raise ValueError(f"unknown tokenizer {name!r}: choose `bigram` or `kiwi`")

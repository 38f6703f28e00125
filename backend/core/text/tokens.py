"""Cutting text into search terms; Korean without its particles' interference."""

from typing import Protocol

from backend.core.text.hangul import hangul_terms
from backend.core.text.kiwi import KiwiTokenizer
from backend.core.text.words import WORD, normalize, pairs, plain_terms


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
        found: list[str] = []
        for match in WORD.finditer(normalize(text)):
            found += _terms(match.lastgroup, match[0])
        return found

    def words(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """The words that say something, each with its terms."""
        matches = WORD.finditer(normalize(text))
        return [(match[0], terms) for match in matches if (terms := _terms(match.lastgroup, match[0]))]


def _terms(kind: str | None, word: str) -> tuple[str, ...]:
    if kind == "hangul":
        return hangul_terms(word)
    if kind == "unspaced":
        return pairs(word)
    return plain_terms(word.replace(",", ""))


def make_tokenizer(name: str) -> Tokenizer:
    """The tokenizer of that name: `bigram` or `kiwi`.

    Raises ValueError for another name, ImportError where kiwi's package is not installed.
    """
    if name == "bigram":
        return BigramTokenizer()
    if name == "kiwi":
        return KiwiTokenizer()
    raise ValueError(f"unknown tokenizer {name!r}: choose `bigram` or `kiwi`")

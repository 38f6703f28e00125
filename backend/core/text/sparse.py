"""BM25-style sparse vectors; the index multiplies the inverse document frequency in."""

from collections import Counter
from functools import lru_cache
from zlib import crc32

from backend.core.model.search import SparseVector
from backend.core.text.tokens import BigramTokenizer, Tokenizer

_VERSION = "bm25-1"
_K1 = 1.2
_B = 0.5
# BM25 compares a text's length with the average of all texts. A stored vector can't follow a moving average, so it is
# fixed at what a chunk of about 500 characters has: a chunk of that length is judged neutral, whatever else is indexed.
_AVERAGE_TERMS = 150.0


class SparseEncoder:
    """Turns text into sparse vectors whose dot product, times IDF, is BM25."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @property
    def id(self) -> str:
        """The tokenizer's id and the encoding's version; vectors of different ids must not meet."""
        return f"{self._tokenizer.id}+{_VERSION}"

    @property
    def tokenizer(self) -> Tokenizer:
        """What cuts the texts."""
        return self._tokenizer

    @property
    def portable(self) -> bool:
        """Whether it can be sent to another process; a Korean dictionary of half a gigabyte can't be had twice for nothing."""
        return isinstance(self._tokenizer, BigramTokenizer)

    def document(self, text: str) -> SparseVector:
        """Saturated term frequencies: the tenth occurrence of a term adds less than the second."""
        terms = self._tokenizer.terms(text)
        pressure = _K1 * (1 - _B + _B * len(terms) / _AVERAGE_TERMS)
        counts = Counter(map(token_id, terms))
        # Most terms occur once or twice: a weight is computed once for all that occur as often.
        weights = {count: round(count * (_K1 + 1) / (count + pressure), 4) for count in set(counts.values())}
        indices = tuple(sorted(counts))
        return SparseVector(indices=indices, values=tuple([weights[counts[index]] for index in indices]))

    def query(self, text: str) -> SparseVector:
        """1.0 for each distinct term."""
        indices = tuple(sorted(set(map(token_id, self._tokenizer.terms(text)))))
        return SparseVector(indices=indices, values=(1.0,) * len(indices))


@lru_cache(maxsize=65_536)
def token_id(term: str) -> int:
    """The unsigned 32-bit id of a term; the rare collision of two terms merges them."""
    return crc32(term.encode())

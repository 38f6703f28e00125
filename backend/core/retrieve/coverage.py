"""How much of a question a found Document speaks about: the share of its informative words, weighted by rarity."""

import math
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from backend.core.model.search import SparseVector
from backend.core.text.sparse import token_id
from backend.core.text.tokens import Tokenizer

_MOST_WORDS = 64


class Word(Struct, frozen=True):
    """A word of the question with its token ids and, once known, how much it tells."""

    text: str
    tokens: tuple[int, ...]
    weight: float = 1.0


def question_words(text: str, tokenizer: Tokenizer) -> list[Word]:
    """The distinct words of a question that say something, at most 64: a pasted ticket is judged by its beginning."""
    words: dict[tuple[str, ...], Word] = {}
    for word, terms in tokenizer.words(text):
        if terms not in words:
            words[terms] = Word(word, tuple(map(token_id, terms)))
        if len(words) == _MOST_WORDS:
            break
    return list(words.values())


def rarity(points: int, frequencies: Mapping[int, int], tokens: Collection[int]) -> dict[int, float]:
    """The inverse document frequency of each token; one the index has never seen weighs most."""

    def idf(found: int) -> float:
        return math.log(1 + (points - found + 0.5) / (found + 0.5))

    return {token: idf(frequencies.get(token, 0)) for token in tokens}


def weigh(words: Sequence[Word], idf: Mapping[int, float]) -> list[Word]:
    """The words with their weights: the inverse document frequency of the most frequent of their terms.

    A rare pair at the seam of a word and its ending would make a common word look rare. A word the index has never
    seen weighs most, so that nonsense and foreign subjects count against every Document.
    """
    return [Word(word.text, word.tokens, min(idf[token] for token in word.tokens)) for word in words]


def covered(words: Sequence[Word], tokens: Collection[int]) -> list[Word]:
    """Those words that a Document with these tokens has: by their first term, a code as a whole or a Korean word's beginning.

    Korean words end in what grammar wants, so the rest of a word may differ where it means the same.
    """
    return [word for word in words if word.tokens[0] in tokens]


def coverage(words: Sequence[Word], present: Sequence[Word]) -> float:
    """The weighted share (0 to 1) of `words` that is `present`; 0 for a question without words."""
    total = sum(word.weight for word in words)
    return sum(word.weight for word in present) / total if total else 0.0


def support(chunks: Sequence[SparseVector], idf: Mapping[int, float], points: int) -> float:
    """How firmly a Document's found chunks speak for an answer to the question with these tokens; about 0 to 4.

    The best chunk's BM25, in units of what the rarest token weighs, times the square root of the share of the
    question's weight that all chunks have together: BM25 alone grows with the question's length, the share alone takes
    one frequent word of two for half an answer. docs/evaluation.md has what this was measured to tell.
    """
    present: set[int] = set()
    best = 0.0
    for chunk in chunks:
        # A chunk has a hundred tokens and a question ten.
        shared = {token: value for token, value in zip(chunk.indices, chunk.values, strict=True) if token in idf}
        present.update(shared)
        best = max(best, math.fsum([idf[token] * value for token, value in shared.items()]))
    total = math.fsum(idf.values())
    rarest = math.log(1 + (points + 0.5) / 0.5)
    return best / rarest * math.sqrt(math.fsum(idf[token] for token in present) / total) if total else 0.0

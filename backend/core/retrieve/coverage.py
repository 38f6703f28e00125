"""How much of a question a found Document speaks about: the share of its informative words, weighted by rarity."""

import math
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

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


def weigh(words: Sequence[Word], points: int, frequencies: Mapping[int, int]) -> list[Word]:
    """The words with their weights: the inverse document frequency of the most frequent of their terms.

    A rare pair at the seam of a word and its ending would make a common word look rare. A word the index has never
    seen weighs most, so that nonsense and foreign subjects count against every Document.
    """

    def idf(token: int) -> float:
        found = frequencies.get(token, 0)
        return math.log(1 + (points - found + 0.5) / (found + 0.5))

    return [Word(word.text, word.tokens, min(map(idf, word.tokens))) for word in words]


def covered(words: Sequence[Word], tokens: Collection[int]) -> list[Word]:
    """Those words that a Document with these tokens has: by their first term, a code as a whole or a Korean word's beginning.

    Korean words end in what grammar wants, so the rest of a word may differ where it means the same.
    """
    return [word for word in words if word.tokens[0] in tokens]


def coverage(words: Sequence[Word], present: Sequence[Word]) -> float:
    """The weighted share (0 to 1) of `words` that is `present`; 0 for a question without words."""
    total = sum(word.weight for word in words)
    return sum(word.weight for word in present) / total if total else 0.0


def support(share: float, present: Sequence[Word], points: int) -> float:
    """How firmly the found words speak for an answer: their share, raised or lowered by how much they tell together.

    One word of three may be chance where it is a frequent one; the same share of a long question, or of rare names,
    is not. Six tenths of what the rarest word tells leaves the share as it is. For telling the sandbox's questions from
    questions of other fields this was better (AUC 0.97) than the share alone (0.95).
    """
    rarest = math.log(1 + (points + 0.5) / 0.5)
    told = sum(word.weight for word in present)
    return share * math.sqrt(told / (0.6 * rarest))

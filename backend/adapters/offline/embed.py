"""Vectors without a model: deterministic feature hashing."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from backend.core.model.budget import Purpose, Usage
from backend.core.text.tokens import BigramTokenizer


class HashingEmbedder:
    """Hashes terms and their letter triples into signed buckets: texts that share words get near vectors.

    The quality is lexical: it knows no synonyms and no second language, and says so by `semantic` = False, so that it
    has weight 0 in the fusion unless somebody sets one. It exists so that everything runs, and is tested, without a key.
    """

    provider = "offline"
    model = "hashing-1"
    semantic = False

    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension
        self._tokenizer = BigramTokenizer()

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:  # noqa: ARG002 - part of the port
        """One vector a text; costs nothing. A text without any term gets the first unit vector."""
        return [self._vector(text) for text in texts], Usage()

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimension
        for term, count in Counter(self._tokenizer.terms(text)).items():
            weight = math.sqrt(count)
            for bucket, sign in _features(term, self.dimension):
                vector[bucket] += sign * weight
        length = math.sqrt(sum(value * value for value in vector))
        if not length:
            # A vector of zeros has no direction, and an index that compares directions can't take it.
            return [1.0, *vector[1:]]
        return [value / length for value in vector]


@lru_cache(maxsize=65_536)
def _features(term: str, dimension: int) -> tuple[tuple[int, float], ...]:
    """Buckets and signed weights of a term: itself, and its letter triples, which bring spellings and endings near."""
    triples = [term[i : i + 3] for i in range(len(term) - 2)] if len(term) > 4 else []
    share = 0.5 / math.sqrt(len(triples)) if triples else 0.0
    return (_feature(term, dimension, 1.0), *(_feature("\x1f" + triple, dimension, share) for triple in triples))


def _feature(name: str, dimension: int, weight: float) -> tuple[int, float]:
    # Python's own hash() differs from run to run.
    number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    return (number >> 1) % dimension, weight if number & 1 else -weight

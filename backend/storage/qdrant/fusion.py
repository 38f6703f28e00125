"""What both engines share: which vectors take part in a search, and document frequencies from scores."""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from backend.core.model.search import SparseVector, VectorQuery
from backend.storage.qdrant.collections import DENSE, SPARSE

RANK_CONSTANT: Final = 60
"""The k of reciprocal rank fusion: a point at rank r (from 0) with weight w adds 1 / ((r + 1) / w + k - 1).

https://qdrant.tech/documentation/concepts/hybrid-queries/
"""


COSINES: Final = 8
"""For so many of the best points the cosine is told: their dense vectors must be read for it."""


class Part(Struct, frozen=True):
    """One vector of a search."""

    using: str
    vector: SparseVector | list[float]
    weight: float
    limit: int


def parts(query: VectorQuery) -> list[Part]:
    """The vectors that take part: given, not empty, with a weight above 0.

    One vector alone goes through the same fusion, so that scores always mean the same. Two are asked for twice the
    points: what is in the middle of both lists may beat what is at the top of one.
    """
    given: list[tuple[str, SparseVector | list[float], float]] = []
    if query.dense and takes_dense(query):
        given.append((DENSE, query.dense, query.dense_weight))
    if query.sparse and query.sparse.indices and query.sparse_weight > 0:
        given.append((SPARSE, query.sparse, query.sparse_weight))
    return [Part(using, vector, weight, query.limit * len(given)) for using, vector, weight in given]


def documents_with(best: tuple[float, float] | None, points: int) -> int:
    """In how many of `points` a term occurs, from the score and stored value of its best point.

    The engine tells no frequencies, but a one-term search scores value × IDF, and IDF is
    ln(1 + (N - n + 0.5) / (n + 0.5)) = ln((N + 1) / (n + 0.5)): solved for n it is exact up to rounding, as long as
    the engine has no deleted points left in its statistics.
    """
    if best is None:
        return 0
    score, value = best
    return min(points, max(1, round((points + 1) / math.exp(score / value) - 0.5)))


def takes_dense(query: VectorQuery) -> bool:
    """Whether dense vectors take part, so that cosines can be told."""
    return bool(query.dense) and query.dense_weight > 0


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    """Of two vectors of equal length; 0 where one has no direction."""
    lengths = math.sqrt(math.fsum(a * a for a in first) * math.fsum(b * b for b in second))
    return math.fsum(a * b for a, b in zip(first, second, strict=True)) / lengths if lengths else 0.0

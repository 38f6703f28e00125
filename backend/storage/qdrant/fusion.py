"""What both engines share: which vectors take part in a search, how their lists become one, and what scores tell."""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from backend.core.model.search import Found, Point, SparseVector, VectorQuery
from backend.storage.qdrant.collections import DENSE, SPARSE

RANK_CONSTANT: Final = 60


class Part(Struct, frozen=True):
    """One vector of a search."""

    using: str
    vector: SparseVector | list[float]
    weight: float
    limit: int


class Fused(Struct, frozen=True):
    """A point with its fused score, and its cosine where it is among the nearest by dense vectors."""

    point_id: str
    score: float
    cosine: float | None = None
    dense_rank: int | None = None
    sparse_rank: int | None = None
    sparse_score: float | None = None

    def found(self, point: Point) -> Found:
        """The same with its point."""
        return Found(
            point=point,
            score=self.score,
            cosine=self.cosine,
            dense_rank=self.dense_rank,
            sparse_rank=self.sparse_rank,
            sparse_score=self.sparse_score,
        )


def parts(query: VectorQuery) -> list[Part]:
    """The vectors that take part: given, not empty, with a weight above 0.

    Two are asked for twice the points: what is in the middle of both lists may beat what is at the top of one.
    """
    given: list[tuple[str, SparseVector | list[float], float]] = []
    if query.dense and query.dense_weight > 0:
        given.append((DENSE, query.dense, query.dense_weight))
    if query.sparse and query.sparse.indices and query.sparse_weight > 0:
        given.append((SPARSE, query.sparse, query.sparse_weight))
    return [Part(using, vector, weight, query.limit * len(given)) for using, vector, weight in given]


def fuse(wanted: Sequence[Part], nearest: Sequence[Sequence[tuple[str, float]]], limit: int) -> list[Fused]:
    """One list from those of the parts by weighted reciprocal rank: rank r (from 0) adds 1 / ((r + 1) / weight + 59).

    It is Qdrant's own formula (https://qdrant.tech/documentation/concepts/hybrid-queries/), computed here because the
    lists then may lose excluded points first, and because the dense list tells cosines, which fused scores hide. One
    list alone goes through it too, so that scores always mean the same. Equal scores are ordered by id.
    """
    scores: dict[str, float] = {}
    places: dict[str, dict[str, tuple[int, float]]] = {DENSE: {}, SPARSE: {}}
    for part, points in zip(wanted, nearest, strict=True):
        # The engine orders points of equal scores by when they were written: after a restore the answer would be another one.
        for rank, (point_id, score) in enumerate(sorted(points, key=lambda point: (-point[1], point[0]))):
            scores[point_id] = scores.get(point_id, 0.0) + 1 / ((rank + 1) / part.weight + RANK_CONSTANT - 1)
            places[part.using][point_id] = (rank + 1, score)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [_fused(point_id, score, places[DENSE].get(point_id), places[SPARSE].get(point_id)) for point_id, score in best]


def _fused(point_id: str, score: float, dense: tuple[int, float] | None, sparse: tuple[int, float] | None) -> Fused:
    return Fused(
        point_id,
        score,
        cosine=dense[1] if dense else None,
        dense_rank=dense[0] if dense else None,
        sparse_rank=sparse[0] if sparse else None,
        sparse_score=sparse[1] if sparse else None,
    )


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

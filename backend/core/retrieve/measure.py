"""How good a ranking is: nDCG, reciprocal rank, recall and hits against judgements, with bootstrap intervals.

The formulas are trec_eval's (https://github.com/usnistgov/trec_eval): gains are the grades themselves, discounts are
log2(rank + 1), and what nobody judged counts as not relevant.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

Measure = Callable[[Sequence[str], Mapping[str, int]], float]

_SAMPLES: Final = 2_000
_CONFIDENCE: Final = 0.95


class Interval(Struct, frozen=True):
    """A mean over queries and the ends of its interval."""

    mean: float
    low: float
    high: float


class Comparison(Struct, frozen=True):
    """By how much one ranking is better than another on the same queries."""

    difference: Interval
    p_value: float
    """Two-sided, of a sign-flip randomization test: how often chance alone makes a difference as large."""
    better: int
    worse: int
    same: int


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Discounted gain of the first `k`, as a share of what the best order would give; 0 where nothing is relevant."""
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k]
    best = _gain(ideal)
    return _gain([max(0, grades.get(document, 0)) for document in ranked[:k]]) / best if best else 0.0


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """1 / rank of the first relevant one among the first `k`; 0 where there is none."""
    return next((1 / rank for rank, document in enumerate(ranked[:k], 1) if grades.get(document, 0) > 0), 0.0)


def recall(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Share of all relevant ones that is among the first `k`."""
    relevant = {document for document, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def hit(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """1 where any of the first `k` is relevant, else 0."""
    return float(any(grades.get(document, 0) > 0 for document in ranked[:k]))


MEASURES: Final[dict[str, Measure]] = {
    "nDCG@10": ndcg,
    "MRR@10": reciprocal_rank,
    "recall@10": recall,
    "recall@50": lambda ranked, grades: recall(ranked, grades, 50),
    "hit@1": lambda ranked, grades: hit(ranked, grades, 1),
    "hit@5": lambda ranked, grades: hit(ranked, grades, 5),
    "hit@10": hit,
}
"""Every measure by the name it is reported under."""


def interval(values: Sequence[float], *, seed: int = 7, samples: int = _SAMPLES) -> Interval:
    """The mean and its 95 % percentile bootstrap interval over queries; the same seed gives the same interval."""
    if not values:
        return Interval(0.0, 0.0, 0.0)
    rng = random.Random(seed)
    size = len(values)
    means = sorted(math.fsum(rng.choices(values, k=size)) / size for _ in range(samples))
    tail = (1 - _CONFIDENCE) / 2
    return Interval(math.fsum(values) / size, means[int(tail * samples)], means[min(samples - 1, int((1 - tail) * samples))])


def compare(one: Sequence[float], base: Sequence[float], *, seed: int = 7, samples: int = _SAMPLES) -> Comparison:
    """How `one` does against `base`, query by query (both in the same order of queries)."""
    differences = [mine - theirs for mine, theirs in zip(one, base, strict=True)]
    return Comparison(
        difference=interval(differences, seed=seed, samples=samples),
        p_value=_by_chance(differences, seed=seed, samples=samples),
        better=sum(difference > 0 for difference in differences),
        worse=sum(difference < 0 for difference in differences),
        same=sum(difference == 0 for difference in differences),
    )


def _by_chance(differences: Sequence[float], *, seed: int, samples: int) -> float:
    """Share of random sign flips whose sum is at least as far from 0, the observed one counted in."""
    rng = random.Random(seed)
    changed = [difference for difference in differences if difference]
    observed = abs(math.fsum(changed)) - 1e-12
    as_far = sum(abs(math.fsum(rng.choice((-1.0, 1.0)) * difference for difference in changed)) >= observed for _ in range(samples))
    return (as_far + 1) / (samples + 1)


def _gain(grades: Sequence[int]) -> float:
    return math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))

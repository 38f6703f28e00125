"""Measures against published and hand-computed values."""

import random

import pytest

from backend.core.retrieve.measure import MEASURES, compare, hit, interval, ndcg, recall, reciprocal_rank

# The worked example of https://en.wikipedia.org/wiki/Discounted_cumulative_gain : DCG 6.861, ideal 8.740, nDCG 0.785.
RANKED = ["d1", "d2", "d3", "d4", "d5", "d6"]
GRADES = {"d1": 3, "d2": 2, "d3": 3, "d4": 0, "d5": 1, "d6": 2, "d7": 3, "d8": 2}


def test_ndcg_is_the_published_one() -> None:
    assert ndcg(RANKED, GRADES, 6) == pytest.approx(0.785, abs=0.0005)
    assert ndcg(["d1", "d3", "d7", "d2", "d6", "d8"], GRADES, 6) == 1.0


def test_ndcg_of_nothing() -> None:
    assert ndcg([], GRADES) == ndcg(RANKED, {}) == ndcg(RANKED, {"d1": 0}) == 0.0


@pytest.mark.parametrize(("first", "expected"), [(1, 1.0), (2, 0.5), (10, 0.1), (11, 0.0)])
def test_reciprocal_rank(first: int, expected: float) -> None:
    assert reciprocal_rank(["x"] * (first - 1) + ["d1"], GRADES) == expected


def test_recall_and_hits() -> None:
    assert recall(RANKED, GRADES, 3) == 3 / 7
    assert recall(RANKED, {}, 3) == 0.0
    assert [hit(["x", "d4", "d5"], GRADES, k) for k in (1, 2, 3)] == [0.0, 0.0, 1.0]
    assert {name: measure(RANKED, GRADES) for name, measure in MEASURES.items()}["hit@1"] == 1.0


def test_an_interval_holds_the_mean_and_is_the_same_again() -> None:
    values = [random.Random(1).random() for _ in range(60)] + [1.0] * 20
    one = interval(values)
    assert one == interval(values)
    assert one.low < one.mean < one.high
    assert one.mean == pytest.approx(sum(values) / len(values))
    assert interval([0.5] * 10).low == interval([0.5] * 10).high == 0.5
    assert interval([]).mean == 0.0


def test_an_interval_is_as_wide_as_theory_says() -> None:
    # 100 coin flips: the standard error is 0.05, so the interval reaches about 0.098 to each side.
    coins = interval([0.0, 1.0] * 50)
    assert coins.high - coins.low == pytest.approx(0.196, abs=0.03)


def test_comparing_tells_luck_from_gain() -> None:
    base = [0.1 * (n % 7) for n in range(40)]
    better = compare([value + 0.1 for value in base], base)
    assert better.difference.mean == pytest.approx(0.1)
    assert (better.better, better.worse, better.same) == (40, 0, 0)
    assert better.p_value < 0.01
    same = compare(base, base)
    assert (same.p_value, same.same) == (1.0, 40)
    luck = compare([value + (0.1 if n % 2 else -0.1) for n, value in enumerate(base)], base)
    assert luck.p_value > 0.5

"""Thresholds keep what they promise."""

from backend.core.retrieve.calibrate import Told, calibrate, separation, threshold_keeping


def test_a_threshold_keeps_its_share() -> None:
    values = [n / 100 for n in range(100)]
    threshold = threshold_keeping(values, 0.95)
    assert sum(value >= threshold for value in values) == 95
    assert threshold_keeping([0.4, 0.2], 1.0) == 0.2
    assert threshold_keeping([], 0.95) == 0.0


def test_separation_is_the_area_under_the_curve() -> None:
    assert separation([2, 3], [0, 1]) == 1.0
    assert separation([0, 1], [2, 3]) == 0.0
    assert separation([1, 1], [1]) == separation([], [1]) == 0.5
    assert separation([1, 3], [2]) == 0.5


def test_words_alone() -> None:
    found = calibrate([Told(support=n / 10) for n in range(5, 25)], [Told(support=n / 10) for n in range(10)])
    assert (found.min_support, found.min_cosine, found.kept, found.refused) == (0.6, None, 0.95, 0.6)


def test_what_parts_them_better_decides() -> None:
    inside = [Told(support=0.5 + n / 100, cosine=0.7 + n / 100) for n in range(20)]
    outside = [Told(support=0.5 + n / 100, cosine=0.1 + n / 100) for n in range(20)]
    found = calibrate(inside, outside)
    assert found.min_cosine == 0.71
    assert found.min_support > 0.69
    assert (found.kept, found.refused) == (0.95, 1.0)
    turned = calibrate(
        [Told(support=one.cosine or 0, cosine=one.support) for one in inside], [Told(support=0.2, cosine=0.6) for _ in outside]
    )
    assert turned.min_support == 0.71
    assert turned.min_cosine == 0.61

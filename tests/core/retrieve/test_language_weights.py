"""Weights of a language: what is best on one half counts only where the other half proves it."""

from backend.core.model.search import Weights
from backend.core.retrieve.language_weights import TRIED, choosing_half, weigh

WORDS, EQUAL = Weights(dense=0.0, sparse=1.0), Weights(dense=1.0, sparse=1.0)
DEV = [f"dev-{n}" for n in range(30)]
REST = [f"test-{n}" for n in range(30)]


def _values(worth: dict[Weights, float], ids: list[str]) -> dict[Weights, dict[str, float]]:
    # Every third question is one that nothing orders well, so that there is something to be unsure of.
    return {weights: {each: 0.1 if n % 3 == 0 else worth.get(weights, 0.2) for n, each in enumerate(ids)} for weights in TRIED}


def test_better_weights_are_proven_on_other_questions() -> None:
    values = _values({WORDS: 0.9, EQUAL: 0.5}, DEV + REST)
    found = weigh("ko", values, values[EQUAL], DEV, seed=7)
    assert (found.chosen, found.proven, found.questions) == (WORDS, True, 30)
    assert found.check.difference.low > 0


def test_what_only_the_choosing_half_likes_is_not_proven() -> None:
    dev, rest = _values({WORDS: 0.9, EQUAL: 0.5}, DEV), _values({WORDS: 0.5, EQUAL: 0.9}, REST)
    values = {weights: dev[weights] | rest[weights] for weights in TRIED}
    found = weigh("ko", values, values[EQUAL], DEV, seed=7)
    assert (found.chosen, found.proven) == (WORDS, False)


def test_few_questions_prove_nothing() -> None:
    values = _values({WORDS: 0.9, EQUAL: 0.1}, DEV + REST[:10])
    assert not weigh("ko", values, values[EQUAL], DEV, seed=7).proven


def test_equals_leave_it_at_words_alone_and_prove_nothing() -> None:
    values = _values(dict.fromkeys(TRIED, 0.5), DEV + REST)
    found = weigh("en", values, values[EQUAL], DEV, seed=7)
    assert (found.chosen, found.proven) == (WORDS, False)


def test_a_set_without_a_dev_half_is_parted_the_same_each_time() -> None:
    assert choosing_half(DEV + REST, dict.fromkeys(DEV, "dev")) == set(DEV)
    half = choosing_half(REST, {})
    assert half == choosing_half(REST, {})
    assert 0 < len(half) < len(REST)

"""Where to say that the sources don't answer: thresholds from questions of both kinds, and how well they part."""

from collections.abc import Sequence

from msgspec import Struct


def threshold_keeping(answered: Sequence[float], share: float) -> float:
    """The largest threshold that at least this share of the answerable questions' values reaches; 0 without any."""
    ordered = sorted(answered)
    return ordered[int((1 - share) * len(ordered) + 1e-9)] if ordered else 0.0


class Thresholds(Struct, frozen=True, kw_only=True):
    """From where on the sources are said to answer, and what that does with the questions it was found with."""

    min_support: float
    min_cosine: float | None
    kept: float
    refused: float


class Told(Struct, frozen=True, kw_only=True):
    """What a search tells of one question."""

    support: float
    cosine: float | None = None


def calibrate(answered: Sequence[Told], others: Sequence[Told], *, keep: float = 0.95) -> Thresholds:
    """Thresholds that keep this share of the answerable questions and refuse as many others as they can.

    A source answers by its words or by its meaning. Whichever parts the two kinds better keeps the share by itself; the
    other may add a question only where it reaches what none of the others reached.
    """
    supports = [one.support for one in answered], [one.support for one in others]
    cosines = [one.cosine or -1.0 for one in answered], [one.cosine or -1.0 for one in others]
    if all(one.cosine is None for one in answered):
        least = threshold_keeping(supports[0], keep)
        return _applied(answered, others, least, None)
    if separation(*cosines) >= separation(*supports):
        return _applied(answered, others, _above(supports[1]), threshold_keeping(cosines[0], keep))
    return _applied(answered, others, threshold_keeping(supports[0], keep), _above(cosines[1]))


def _above(values: Sequence[float]) -> float:
    return round(max(values, default=0.0) + 0.01, 4)


def _applied(answered: Sequence[Told], others: Sequence[Told], min_support: float, min_cosine: float | None) -> Thresholds:
    def answers(one: Told) -> bool:
        return one.support >= min_support or (min_cosine is not None and one.cosine is not None and one.cosine >= min_cosine)

    return Thresholds(
        min_support=min_support,
        min_cosine=min_cosine,
        kept=sum(map(answers, answered)) / len(answered) if answered else 0.0,
        refused=sum(not answers(one) for one in others) / len(others) if others else 0.0,
    )


def separation(answered: Sequence[float], others: Sequence[float]) -> float:
    """Area under the ROC curve: how often an answerable question's value is larger than another's (ties count half)."""
    if not answered or not others:
        return 0.5
    won = sum((one > other) + 0.5 * (one == other) for one in answered for other in others)
    return won / (len(answered) * len(others))

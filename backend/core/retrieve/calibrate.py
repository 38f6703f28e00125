"""Where to say that the sources don't answer: thresholds from questions of both kinds, and how well they part."""

from collections.abc import Sequence


def threshold_keeping(answered: Sequence[float], share: float) -> float:
    """The largest threshold that at least this share of the answerable questions' values reaches; 0 without any."""
    ordered = sorted(answered)
    return ordered[int((1 - share) * len(ordered) + 1e-9)] if ordered else 0.0


def separation(answered: Sequence[float], others: Sequence[float]) -> float:
    """Area under the ROC curve: how often an answerable question's value is larger than another's (ties count half)."""
    if not answered or not others:
        return 0.5
    won = sum((one > other) + 0.5 * (one == other) for one in answered for other in others)
    return won / (len(answered) * len(others))

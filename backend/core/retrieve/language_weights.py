"""What meaning and words should count for in each language: chosen on some judged questions, checked on others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from backend.core.ids import text_hash
from backend.core.model.search import Weights
from backend.core.retrieve.measure import Comparison, compare

TRIED: Final = (
    Weights(dense=0.0, sparse=1.0),
    Weights(dense=0.25, sparse=1.0),
    Weights(dense=0.5, sparse=1.0),
    Weights(dense=1.0, sparse=1.0),
    Weights(dense=2.0, sparse=1.0),
    Weights(dense=1.0, sparse=0.0),
)
"""From words alone to meaning alone; where two do equally well, the earlier one is chosen."""
FEWEST: Final = 20
"""Held-out questions of a language; on fewer nothing is proven (docs/evaluation.md tells how wide an interval is)."""

Values = Mapping[Weights, Mapping[str, float]]
"""By weights, how well each question's order was (nDCG@10), by the question's id."""


class Weighed(Struct, frozen=True, kw_only=True):
    """What was found for one language."""

    language: str
    chosen: Weights
    """The best on the questions that choose."""
    questions: int
    """Held-out ones."""
    check: Comparison
    """The chosen weights against those in force, on held-out questions."""
    proven: bool
    """They did better there, and not by chance: the whole interval of the difference is above 0."""


def weigh(language: str, values: Values, in_force: Mapping[str, float], choosing: Iterable[str], *, seed: int) -> Weighed:
    """The weights that order best the questions in `choosing`, and whether they beat those in force on the others.

    A language of few held-out questions, or where the best is no better than what is set, is not proven: nothing is tuned on noise.
    """
    chooses = set(choosing) & in_force.keys()
    held_out = sorted(in_force.keys() - chooses)
    chosen = max(TRIED, key=lambda weights: sum(values[weights][query] for query in chooses))
    check = compare([values[chosen][query] for query in held_out], [in_force[query] for query in held_out], seed=seed)
    proven = len(held_out) >= FEWEST and check.difference.low > 0
    return Weighed(language=language, chosen=chosen, questions=len(held_out), check=check, proven=proven)


def choosing_half(queries: Sequence[str], split_of: Mapping[str, str]) -> set[str]:
    """The questions that choose: those of the split `dev`; where there is none, half of them by a hash of their ids."""
    told = {query for query in queries if split_of.get(query) == "dev"}
    return told or {query for query in queries if int(text_hash(query)[:8], 16) % 2}

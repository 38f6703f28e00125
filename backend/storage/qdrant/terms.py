"""How rare terms are among one tenant's points of a shared collection, whose own statistics would tell of all tenants together."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from backend.core.model.search import SparseVector

COUNTED: Final = 10_000
"""A term that more of a tenant's points have is taken to be in so many: it is too common to tell anything."""
_TENANTS: Final = 500
_TERMS: Final = 5_000


@dataclass(slots=True)
class TermCounts:
    """What was counted while a tenant's index had one version."""

    version: str
    total: int
    counts: dict[int, int] = field(default_factory=dict)


class RememberedTerms:
    """Counts of the tenants that asked last, each good for as long as its index is the same."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], TermCounts] = OrderedDict()

    def of(self, collection: str, company_id: str, version: str) -> TermCounts | None:
        """What is known at this version."""
        known = self._known.get((collection, company_id))
        if known is None or known.version != version:
            return None
        self._known.move_to_end((collection, company_id))
        if len(known.counts) > _TERMS:
            known.counts.clear()
        return known

    def begin(self, collection: str, company_id: str, counts: TermCounts) -> TermCounts:
        """Remember from here on; what was asked for longest ago is forgotten."""
        self._known[collection, company_id] = counts
        self._known.move_to_end((collection, company_id))
        if len(self._known) > _TENANTS:
            self._known.popitem(last=False)
        return counts


def weighed(vector: SparseVector, total: int, counts: Mapping[int, int]) -> SparseVector:
    """A question's terms by how rare they are among the tenant's points: Qdrant's own IDF, which a collection of one tenant applies itself.

    Terms that no point has are left out. https://qdrant.tech/documentation/concepts/indexing/#idf-modifier
    """
    kept = [
        (index, value * _idf(total, counts[index])) for index, value in zip(vector.indices, vector.values, strict=True) if counts[index]
    ]
    return SparseVector(tuple(index for index, _ in kept), tuple(value for _, value in kept))


def _idf(total: int, with_term: int) -> float:
    return math.log(1 + (total - with_term + 0.5) / (with_term + 0.5))

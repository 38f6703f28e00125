"""Of found Documents that say the same, only the best: a customer wrote twice, a page was copied, a ticket was cloned."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from backend.core.model.search import Hit

_ALIKE: Final = 0.9
_LEAST_TOKENS: Final = 12


def without_twins(hits: Iterable[tuple[Hit, Collection[int]]], wanted: int) -> list[Hit]:
    """The first `wanted` Hits in their order, without those that (nearly) say what a better one of the same type says.

    With each Hit come the tokens of its best chunk. Two are alike where title and text are the same, or where they share
    nine tenths of their tokens (Jaccard): an order number or a date may differ. The kept Hit tells how many it stands for.
    """
    kept: list[tuple[Hit, frozenset[int]]] = []
    twins: dict[str, int] = {}
    for hit, found in hits:
        tokens = frozenset(found)
        other = next((one for one, known in kept if _say_the_same(one, hit) or _alike(one, known, hit, tokens)), None)
        if other is not None:
            twins[other.document_id] = twins.get(other.document_id, 0) + 1
        elif len(kept) == wanted:
            break
        else:
            kept.append((hit, tokens))
    return [_telling(hit, twins.get(hit.document_id, 0)) for hit, _ in kept]


def _telling(hit: Hit, twins: int) -> Hit:
    if not twins:
        return hit
    return msgspec.structs.replace(hit, explanation=(*hit.explanation, f"stands for {twins} more like it"))


def _say_the_same(one: Hit, other: Hit) -> bool:
    return one.title.strip().casefold() == other.title.strip().casefold() and one.chunk.text.strip() == other.chunk.text.strip()


def _alike(one: Hit, its: frozenset[int], other: Hit, theirs: frozenset[int]) -> bool:
    smaller, larger = sorted((len(its), len(theirs)))
    if one.doc_type is not other.doc_type or smaller < _LEAST_TOKENS or smaller < _ALIKE * larger:
        return False
    shared = len(its & theirs)
    return shared >= _ALIKE * (len(its) + len(theirs) - shared)

"""Of found Documents that say the same, only the best: a customer wrote twice, a page was copied, a ticket was cloned."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec
from msgspec import Struct

from backend.core.model.search import Hit

_ALIKE: Final = 0.9
_LEAST_TOKENS: Final = 12


class _Said(Struct, frozen=True):
    """What a Hit says, made comparable once."""

    hit: Hit
    words: tuple[str, str]
    tokens: frozenset[int]


def without_twins(hits: Iterable[tuple[Hit, Collection[int]]], wanted: int) -> list[Hit]:
    """The first `wanted` Hits in their order, without those that (nearly) say what a better one of the same type says.

    With each Hit come the tokens of its best chunk. Two are alike where title and text are the same, or where they share
    nine tenths of their tokens (Jaccard): an order number or a date may differ. The kept Hit tells how many it stands for.
    """
    kept: list[_Said] = []
    twins: dict[str, int] = {}
    for hit, found in hits:
        said = _Said(hit, (hit.title.strip().casefold(), hit.chunk.text.strip()), frozenset(found))
        other = next((one.hit for one in kept if one.words == said.words or _alike(one, said)), None)
        if other is not None:
            twins[other.document_id] = twins.get(other.document_id, 0) + 1
        elif len(kept) == wanted:
            break
        else:
            kept.append(said)
    return [_telling(one.hit, twins.get(one.hit.document_id, 0)) for one in kept]


def _telling(hit: Hit, twins: int) -> Hit:
    if not twins:
        return hit
    return msgspec.structs.replace(hit, explanation=(*hit.explanation, f"stands for {twins} more like it"))


def _alike(one: _Said, other: _Said) -> bool:
    its, theirs = len(one.tokens), len(other.tokens)
    if one.hit.doc_type is not other.hit.doc_type or min(its, theirs) < max(_LEAST_TOKENS, _ALIKE * max(its, theirs)):
        return False
    shared = len(one.tokens & other.tokens)
    return shared >= _ALIKE * (its + theirs - shared)

"""Indexes from one place to another as they are, vectors and all: nothing is embedded again, nothing is taken away where they were.

Document by Document, and what is there already is left as it is, so it may be interrupted anywhere and given again.
"""

import math
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final, Protocol

from msgspec import Struct, structs

from backend.core.errors import AppError, Code
from backend.core.model.search import Makers, Point
from backend.core.ports.vectors import VectorIndex

_DOCUMENTS: Final = 32
"""So many Documents at once: some hundred points, a few megabytes with their vectors."""
_NEARLY: Final = 1e-5
"""Numbers of four bytes are written out with more or fewer digits by different engines."""


class WholeIndex(VectorIndex, Protocol):
    """An index that also gives out what it was given."""

    async def documents(self) -> list[str]:
        """The ids of all Documents it has points of."""
        ...

    async def whole(self, document_ids: Collection[str]) -> list[Point]:
        """All points of these Documents with all their vectors."""
        ...


class WholeIndexes(Protocol):
    """The indexes of one place."""

    async def makers_of(self, company_id: str) -> Makers | None:
        """What made the index that is searched; None where there is none yet."""
        ...

    async def open(self, company_id: str) -> WholeIndex:
        """As in `VectorIndexes`."""
        ...

    async def building(self, company_id: str) -> WholeIndex | None:
        """Likewise."""
        ...

    async def switch(self, company_id: str) -> None:
        """Likewise."""
        ...


class MovedIndex(Struct, frozen=True, kw_only=True):
    """One company's index, as it is in both places now."""

    company_id: str
    points: int
    documents: int
    written: int
    """Documents that were not there yet, or were otherwise."""
    deleted: int
    """Documents that were there and are not in the source."""


async def move_index(company_id: str, source: WholeIndexes, target: WholeIndexes) -> MovedIndex:
    """Make the target what the source is, read what was written back, count both, and only then let it be searched there.

    The target's makers have to be the source's. Raises INDEX_UNAVAILABLE where something differs in the end.
    """
    mine = await source.open(company_id)
    other = await target.building(company_id) or await target.open(company_id)
    documents = await mine.documents()
    written = 0
    remaining = iter(documents)
    while some := list(islice(remaining, _DOCUMENTS)):
        written += await _copy(some, mine, other)
    gone = set(await other.documents()).difference(documents)
    if gone:
        await other.delete(gone)
    have, found = await mine.count(), await other.count()
    if have != found:
        raise AppError(
            Code.INDEX_UNAVAILABLE,
            f"The index of {company_id} has {have[0]} points of {have[1]} documents here and {found[0]} of {found[1]} there. "
            "Stop every Desklore process and give the command again.",
        )
    await target.switch(company_id)
    return MovedIndex(company_id=company_id, points=found[0], documents=found[1], written=written, deleted=len(gone))


async def _copy(document_ids: Sequence[str], mine: WholeIndex, other: WholeIndex) -> int:
    """Write the Documents that differ; returns how many."""
    wanted = _by_document(await mine.whole(document_ids))
    changed = await _different(document_ids, wanted, other)
    if changed:
        await other.replace(changed, [point for one in changed for point in wanted.get(one, {}).values()])
        if await _different(changed, wanted, other):
            raise AppError(Code.INDEX_UNAVAILABLE, "What was written is read back otherwise. The target is not searched: look at it.")
    return len(changed)


async def _different(document_ids: Sequence[str], wanted: dict[str, dict[str, Point]], other: WholeIndex) -> list[str]:
    there = _by_document(await other.whole(document_ids))
    return [one for one in document_ids if not _alike(wanted.get(one, {}), there.get(one, {}))]


def _by_document(points: Sequence[Point]) -> dict[str, dict[str, Point]]:
    found: dict[str, dict[str, Point]] = {}
    for point in points:
        found.setdefault(point.chunk.document_id, {})[point.point_id] = point
    return found


def _alike(wanted: dict[str, Point], there: dict[str, Point]) -> bool:
    return wanted.keys() == there.keys() and all(_same(point, there[point_id]) for point_id, point in wanted.items())


def _same(one: Point, two: Point) -> bool:
    terms, others = _terms(one), _terms(two)
    if terms.keys() != others.keys() or len(one.dense or ()) != len(two.dense or ()):
        return False
    numbers = [*((terms[index], others[index]) for index in terms), *zip(one.dense or (), two.dense or (), strict=True)]
    if not all(math.isclose(mine, other, rel_tol=_NEARLY, abs_tol=_NEARLY) for mine, other in numbers):
        return False
    return structs.replace(one, dense=None, sparse=two.sparse) == structs.replace(two, dense=None)


def _terms(point: Point) -> dict[int, float]:
    return dict(zip(point.sparse.indices, point.sparse.values, strict=True))

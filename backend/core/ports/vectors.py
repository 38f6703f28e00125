"""The search index of one tenant."""

from collections.abc import Collection, Sequence
from typing import Protocol

from backend.core.model.document import Chunk
from backend.core.model.search import Found, Makers, Point, VectorQuery


class VectorIndex(Protocol):
    """One tenant's index, opened by `VectorIndexes.open`; there is no way to name another tenant's points.

    Raises AppError(INDEX_UNAVAILABLE) when the engine fails, STORAGE_FULL when the disk is.
    """

    @property
    def makers(self) -> Makers:
        """What made its vectors, and has to make those of a question."""
        ...

    async def replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        """Make `points` all that the index holds of these Documents. Safe to repeat; durable on return."""
        ...

    async def delete(self, document_ids: Collection[str]) -> None:
        """Remove all points of these Documents, also from an index that is being built beside this one."""
        ...

    async def purge(self) -> None:
        """Leave nothing in the index's own files of points that were deleted or replaced, where they are ours to clean."""
        ...

    async def search(self, query: VectorQuery) -> list[Found]:
        """Points by fused score, best first: reciprocal rank fusion (k = 60) of dense and sparse, weighted."""
        ...

    async def chunks(self, document_id: str) -> list[Chunk]:
        """A Document's chunks by ordinal."""
        ...

    async def frequencies(self, indices: Sequence[int]) -> tuple[int, dict[int, int]]:
        """Number of points, and for each token id in about how many it occurs (what makes a term informative).

        0 means in none, and is exact; other counts may lag behind recent deletions.
        """
        ...

    async def version(self) -> str:
        """Another text after each change, whichever process made it; good for comparing only."""
        ...

    async def count(self) -> tuple[int, int]:
        """Points and distinct Documents."""
        ...


class VectorIndexes(Protocol):
    """The indexes of all tenants.

    A tenant has one that is searched. When other makers of vectors are set, a second one is built beside it, and the first is
    searched until the second is whole.
    """

    @property
    def makers(self) -> Makers:
        """What makes the vectors of new points."""
        ...

    async def open(self, company_id: str) -> VectorIndex:
        """The tenant's index that is searched, made at first use."""
        ...

    async def held(self, company_id: str) -> int | None:
        """How many Documents the index has, 0 where there is none yet; None where only `VectorIndex.count` tells.

        None too where the one that is searched is not by the present makers. Opens nothing, for a look at all tenants.
        """
        ...

    async def untidy(self, company_ids: Collection[str]) -> list[str]:
        """Those of the tenants that may have something to `tidy`, by one look."""
        ...

    async def building(self, company_id: str) -> VectorIndex | None:
        """The one by the present makers, where the one that is searched is by others."""
        ...

    async def switch(self, company_id: str) -> None:
        """From now on the one by the present makers is searched, at once and for everybody. Safe to repeat.

        Whoever searches the other one in this moment may still do so until `tidy`.
        """
        ...

    async def tidy(self, company_id: str) -> None:
        """Delete the tenant's indexes that are neither searched nor built."""
        ...

    async def drop(self, company_id: str) -> None:
        """Delete everything of the tenant."""
        ...

    async def close(self) -> None:
        """Flush and let go."""
        ...

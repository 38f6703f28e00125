"""One tenant's index through qdrant-client."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import TYPE_CHECKING, Any

from backend.core.model.document import Chunk
from backend.core.model.search import Found, Makers, Point, SparseVector, VectorQuery
from backend.storage.qdrant import collections
from backend.storage.qdrant.changes import Changes
from backend.storage.qdrant.collections import GROUPS_FIELD, SPARSE
from backend.storage.qdrant.filters import conditions, of_documents
from backend.storage.qdrant.fusion import Part, documents_with, fuse, parts
from backend.storage.qdrant.payload import to_chunk
from backend.storage.qdrant.requests import count_requests, search_requests, term_requests
from backend.storage.qdrant.rooms import POINT_ID, Room
from backend.storage.qdrant.server import index_field, told
from backend.storage.qdrant.terms import COUNTED, RememberedTerms, TermCounts, weighed

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

_BATCH = 256


class ClientIndex:
    """One tenant's index; see the port for what its methods promise."""

    def __init__(
        self,
        client: "AsyncQdrantClient",
        room: Room,
        *,
        beside: Room,
        changes: Changes,
        terms: RememberedTerms,
        with_groups: set[str],
    ) -> None:
        self._client = client
        self._room = room
        self._name = room.collection
        self._beside = beside
        self._changes = changes
        self._terms = terms
        self._with_groups = with_groups
        """Collections that are known to index groups: older ones did not."""

    @property
    def makers(self) -> Makers:
        """What made its vectors."""
        return self._room.makers

    async def replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        """Upsert in batches, then remove what these Documents had before and have no more."""
        async with self._changes.of(self._room.company_id):
            await self._replace(document_ids, points)

    async def _replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        async with told():
            for start in range(0, len(points), _BATCH):
                batch = [self._room.struct(point) for point in points[start : start + _BATCH]]
                await self._client.upsert(self._name, batch, wait=True)
            if document_ids:
                leftovers = self._room.chosen(of_documents(document_ids), keep=[point.point_id for point in points])
                await self._client.delete(self._name, leftovers, wait=True)

    async def delete(self, document_ids: Collection[str]) -> None:
        """Remove all points of these Documents, also from an index that is being built beside this one."""
        async with self._changes.of(self._room.company_id):
            await self._replace(document_ids, ())
            if self._beside != self._room:
                async with told():
                    if await self._client.collection_exists(self._beside.collection):
                        there = self._beside.chosen(of_documents(document_ids))
                        await self._client.delete(self._beside.collection, there, wait=True)

    async def purge(self) -> None:
        """Nothing: the server's optimizer rewrites segments of which much is deleted, by its own settings (docs/privacy.md)."""

    async def search(self, query: VectorQuery) -> list[Found]:
        """Points by fused score, best first."""
        wanted = [part for part in [await self._weighed(part) for part in parts(query)] if part is not None]
        if not wanted:
            return []
        async with told():
            if query.filters.ticket_groups and self._name not in self._with_groups:
                await index_field(self._client, self._name, GROUPS_FIELD)
                self._with_groups.add(self._name)
            payload: Any = [POINT_ID] if self._room.shared else False
            requests = search_requests(wanted, self._room.chosen(conditions(query.filters)), payload)
            answers = await self._client.query_batch_points(self._name, requests)
            nearest = [[(self._room.known_id(point), float(point.score)) for point in answer.points] for answer in answers]
            best = fuse(wanted, nearest, query.limit)
            ids: list[Any] = [self._room.stored_id(one.point_id) for one in best]
            records = await self._client.retrieve(self._name, ids, with_payload=True, with_vectors=[SPARSE]) if ids else []
        by_id = {self._room.known_id(record): record for record in records}
        return [
            one.found(self._room.point(record))
            for one in best
            # A point that was deleted in between is not found.
            if (record := by_id.get(one.point_id)) is not None
        ]

    async def _weighed(self, part: Part) -> Part | None:
        """The part with its terms weighed, where the collection can't do that itself; None where nothing is left of it."""
        if not self._room.shared or not isinstance(part.vector, SparseVector):
            return part
        vector = weighed(part.vector, *await self.frequencies(part.vector.indices))
        return Part(part.using, vector, part.weight, part.limit) if vector.indices else None

    async def chunks(self, document_id: str) -> list[Chunk]:
        """A Document's chunks by ordinal."""
        payloads = [record.payload or {} async for record in self._scroll([document_id])]
        return sorted(map(to_chunk, payloads), key=lambda chunk: chunk.ordinal)

    async def documents(self) -> list[str]:
        """The ids of all Documents it has points of."""
        async with told():
            return await self._documents(await self._total())

    async def whole(self, document_ids: Collection[str]) -> list[Point]:
        """All points of these Documents with all their vectors."""
        return [self._room.point(record) async for record in self._scroll(document_ids, with_vectors=True)]

    async def frequencies(self, indices: Sequence[int]) -> tuple[int, dict[int, int]]:
        """Number of points and of those with each token."""
        asked = list(dict.fromkeys(indices))
        if self._room.shared:
            known = await self._counted(asked)
            return known.total, {index: known.counts.get(index, 0) for index in asked}
        async with told():
            total = await self._total()
            answers = await self._client.query_batch_points(self._name, term_requests(asked)) if asked and total else []
        if not answers:
            return total, dict.fromkeys(asked, 0)
        return total, {index: documents_with(_best(index, answer.points), total) for index, answer in zip(asked, answers, strict=True)}

    async def _counted(self, asked: Sequence[int]) -> TermCounts:
        """Counts of the tenant's own points, since a shared collection's statistics are everybody's."""
        company_id, version = self._room.company_id, await self.version()
        known = self._terms.of(self._name, company_id, version)
        async with told():
            if known is None:
                known = self._terms.begin(self._name, company_id, TermCounts(version, await self._total()))
            missing = [index for index in asked if index not in known.counts] if known.total else []
            if missing:
                requests = count_requests(missing, self._room.chosen(), min(known.total, COUNTED))
                answers = await self._client.query_batch_points(self._name, requests)
                known.counts.update({index: len(answer.points) for index, answer in zip(missing, answers, strict=True)})
        return known

    async def version(self) -> str:
        """Changes before and after every write."""
        return await self._changes.version(self._room.company_id)

    async def count(self) -> tuple[int, int]:
        """Points and distinct Documents."""
        async with told():
            total = await self._total()
            return total, len(await self._documents(total))

    async def _documents(self, points: int) -> list[str]:
        found = await self._client.facet(
            self._name, collections.DOCUMENT_FIELD, facet_filter=self._room.chosen(), limit=max(1, points), exact=True
        )
        return [str(hit.value) for hit in found.hits if hit.count]

    async def _total(self) -> int:
        return (await self._client.count(self._name, count_filter=self._room.chosen(), exact=True)).count

    async def _scroll(self, document_ids: Collection[str], *, with_vectors: bool = False) -> AsyncIterator[Any]:
        offset: Any = None
        which = self._room.chosen(of_documents(document_ids))
        while True:
            async with told():
                records, offset = await self._client.scroll(
                    self._name, which, limit=256, offset=offset, with_payload=True, with_vectors=with_vectors
                )
            for record in records:
                yield record
            if offset is None:
                return


def _best(index: int, points: Sequence[Any]) -> tuple[float, float] | None:
    if not points:
        return None
    vector = points[0].vector[SPARSE]
    return points[0].score, vector.values[vector.indices.index(index)]

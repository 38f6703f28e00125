"""The embedded index: one folder a tenant, in this process, nothing lost when it is killed."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from backend.core.model.document import Chunk
from backend.core.model.search import Found, Makers, Point, VectorQuery
from backend.storage.qdrant import engine, layout, sealing
from backend.storage.qdrant.changes import Changes, CountedChanges
from backend.storage.qdrant.filters import of_documents
from backend.storage.qdrant.fusion import documents_with, fuse, parts
from backend.storage.qdrant.hands import Hands
from backend.storage.qdrant.opened import OpenShard, count, flush, writing
from backend.storage.qdrant.payload import to_chunk, to_point
from backend.storage.qdrant.shards import Place, Shards

T = TypeVar("T")

# Converting points holds the interpreter's lock; pieces of this size keep the event loop waiting for some 20 ms at most.
_BATCH = 128
# The log is replayed at the next start after a kill, some 7,000 points a second; a flush empties it.
_FLUSH_EVERY = 10_000
# Terms whose frequency is remembered, about 100 bytes each.
_REMEMBERED = 50_000


class EdgeIndexes:
    """The indexes of all tenants under one folder, held by one process."""

    def __init__(self, root: Path, makers: Makers, *, max_open: int = 128, seal_at: int = sealing.POINTS) -> None:
        self.shards = Shards(root, max_open=max_open, seal_at=seal_at)
        self._makers = makers
        self._searched: dict[str, Makers] = {}
        self._changes: Changes = CountedChanges()
        self._hands = Hands()

    @property
    def makers(self) -> Makers:
        """What makes the vectors of new points."""
        return self._makers

    async def open(self, company_id: str) -> "EdgeIndex":
        """The tenant's index that is searched, made at first use."""
        makers = self._searched.get(company_id)
        if makers is None:
            makers = await self._hands.read(self.shards.searched, company_id, self._makers)
            self._searched[company_id] = makers
        return await self._open((company_id, makers))

    async def makers_of(self, company_id: str) -> Makers | None:
        """What made the index that is searched; None where there is none yet."""
        return await self._hands.read(self.shards.named, company_id)

    async def held(self, company_id: str) -> int | None:
        """How many Documents the tenant's index has, where that is known without opening it."""
        return await self._hands.read(self.shards.held, company_id, self._makers)

    async def untidy(self, company_ids: Collection[str]) -> list[str]:
        """Those that may have indexes to `tidy`."""
        return await self._hands.read(self.shards.untidy, company_ids)

    async def building(self, company_id: str) -> "EdgeIndex | None":
        """The one by the present makers, where the one that is searched is by others."""
        searched = await self.open(company_id)
        return None if searched.makers == self._makers else await self._open((company_id, self._makers))

    async def switch(self, company_id: str) -> None:
        """From now on the one by the present makers is searched."""
        async with self._changes.of(company_id):
            place = (company_id, self._makers)
            await self._open(place)
            await self._hands.write(company_id, partial(self.shards.point_to, place))
            self._searched[company_id] = self._makers

    async def tidy(self, company_id: str) -> None:
        """Delete what is neither searched nor built."""
        searched = await self._hands.read(self.shards.searched, company_id, self._makers)
        wanted = frozenset((searched, self._makers))
        await self._hands.write(company_id, partial(self.shards.keep_only, company_id, wanted))

    async def _open(self, place: Place) -> "EdgeIndex":
        if not self.shards.is_open(place):
            await self._hands.read(self.shards.make, place)
        return EdgeIndex(place, self.shards, self._hands, changes=self._changes, present=self._makers)

    async def drop(self, company_id: str) -> None:
        """Delete everything of the tenant."""
        async with self._changes.of(company_id):
            await self._hands.write(company_id, partial(self.shards.drop, company_id))
            self._searched.pop(company_id, None)

    async def close(self) -> None:
        """Flush and let go of the folder; a second call does nothing."""
        await asyncio.to_thread(self.shards.close)
        self._hands.shutdown()


class EdgeIndex:
    """One tenant's index; see the port for what its methods promise."""

    def __init__(self, place: Place, shards: Shards, hands: Hands, *, changes: Changes, present: Makers) -> None:
        self._company_id, self._makers = place
        self._place = place
        self._beside = (self._company_id, present)
        self._shards = shards
        self._hands = hands
        self._changes = changes

    @property
    def makers(self) -> Makers:
        """What made its vectors."""
        return self._makers

    async def replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        """Upsert in batches, then remove what these Documents had before and have no more."""

        def work(opened: OpenShard) -> None:
            for start in range(0, len(points), _BATCH):
                self._shards.check_room()
                engine.upsert(opened.shard, points[start : start + _BATCH], with_dense=self._makers.dense)
            if document_ids:
                engine.remove(opened.shard, of_documents(document_ids), keep=(point.point_id for point in points))
            self._wrote(opened, len(points) + len(document_ids))

        async with self._changes.of(self._company_id):
            await self._write(self._place, work, document_ids, {point.chunk.document_id for point in points})
            if self._shards.is_due(self._place):
                await self._hands.seal(self._company_id, partial(self._shards.seal, self._place))

    async def delete(self, document_ids: Collection[str]) -> None:
        """Remove all points of these Documents, also from an index that is being built beside this one."""

        def work(opened: OpenShard) -> None:
            engine.remove(opened.shard, of_documents(document_ids))
            self._wrote(opened, len(document_ids))

        async with self._changes.of(self._company_id):
            for place in dict.fromkeys((self._place, self._beside)):
                await self._write(place, work, document_ids)

    async def purge(self) -> None:
        """Write the index anew, beside and then in the place of the present one."""
        async with self._changes.of(self._company_id):
            for place in dict.fromkeys((self._place, self._beside)):
                await self._hands.seal(self._company_id, partial(self._shards.seal, place, anew=True), always=True)

    async def search(self, query: VectorQuery) -> list[Found]:
        """Points by fused score, best first."""

        def work(opened: OpenShard) -> list[Found]:
            wanted = parts(query)
            best = fuse(wanted, engine.nearest(opened.shard, wanted, query.filters, opened.points), query.limit)
            records = engine.read(opened.shard, [one.point_id for one in best])
            return [
                one.found(to_point(one.point_id, layout.to_payload_of(record.payload), record.vector))
                for one in best
                # A point that was deleted in between is not found, nor one of a layout before, until it is written anew.
                if (record := records.get(one.point_id)) is not None and layout.is_present(record.payload)
            ]

        return await self._read(work, [])

    async def chunks(self, document_id: str) -> list[Chunk]:
        """A Document's chunks by ordinal."""

        def work(opened: OpenShard) -> list[Chunk]:
            records = engine.scroll(opened.shard, of_documents([document_id]))
            return sorted((to_chunk(layout.to_payload_of(record.payload)) for record in records), key=lambda chunk: chunk.ordinal)

        return await self._read(work, [])

    async def frequencies(self, indices: Sequence[int]) -> tuple[int, dict[int, int]]:
        """Number of points and of those with each token; remembered until a hundredth of the points has changed.

        The engine's statistics keep counting deleted points until the shard is opened again.
        """

        def work(opened: OpenShard) -> tuple[int, dict[int, int]]:
            if opened.changed * 100 >= max(1, opened.points):
                opened.frequencies, opened.changed = {}, 0
            known = opened.frequencies
            if len(known) > _REMEMBERED:
                known.clear()
            if missing := [index for index in dict.fromkeys(indices) if index not in known]:
                best = engine.best_of_terms(opened.shard, missing)
                counts = {index: documents_with(one, opened.points) for index, one in zip(missing, best, strict=True)}
                # What no point has today may be in the next one, and asking for it costs nothing.
                known.update({index: count for index, count in counts.items() if count})
            return opened.points, {index: known.get(index, 0) for index in indices}

        return await self._read(work, (0, dict.fromkeys(indices, 0)))

    async def version(self) -> str:
        """Changes before and after every write."""
        return await self._changes.version(self._company_id)

    async def count(self) -> tuple[int, int]:
        """Points and distinct Documents."""
        return await self._read(count, (0, 0))

    async def documents(self) -> list[str]:
        """The ids of all Documents it has points of."""
        return await self._read(lambda opened: engine.values(opened.shard, layout.DOCUMENT), [])

    async def whole(self, document_ids: Collection[str]) -> list[Point]:
        """All points of these Documents with all their vectors."""

        def work(opened: OpenShard) -> list[Point]:
            records = engine.scroll(opened.shard, of_documents(document_ids), with_vector=True)
            return [to_point(str(record.id), layout.to_payload_of(record.payload), record.vector) for record in records]

        return await self._read(work, [])

    @staticmethod
    def _wrote(opened: OpenShard, changed: int) -> None:
        opened.changed += changed
        opened.unflushed += changed
        opened.unsealed += changed
        if opened.unflushed >= _FLUSH_EVERY:
            flush(opened)

    async def _write(
        self, place: Place, work: Callable[[OpenShard], None], document_ids: Collection[str], kept: Collection[str] = ()
    ) -> None:
        def write(opened: OpenShard) -> None:
            self._shards.check_room()
            with writing(opened, document_ids, kept):
                work(opened)

        await self._hands.write(self._company_id, partial(self._leased, place, write, None, "writing"))

    async def _read(self, work: Callable[[OpenShard], T], nothing: T) -> T:
        return await self._hands.read(self._leased, self._place, work, nothing, "answering")

    def _leased(self, place: Place, work: Callable[[OpenShard], T], nothing: T, doing: str) -> T:
        with self._shards.lease(place) as opened:
            if opened is None:
                # Dropped meanwhile: a handle from before must not bring the tenant's folder back.
                return nothing
            with engine.told(doing):
                return work(opened)

"""The index through qdrant-client: a Qdrant server, or the client's own in-memory mode."""

import warnings
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from backend.core.errors import AppError, Code
from backend.core.model.document import Chunk
from backend.core.model.search import Found, Makers, Point, VectorQuery
from backend.storage.qdrant import collections
from backend.storage.qdrant.changes import Changes, CountedChanges
from backend.storage.qdrant.collections import DENSE, SPARSE
from backend.storage.qdrant.filters import of_documents
from backend.storage.qdrant.fusion import documents_with, fuse, parts
from backend.storage.qdrant.payload import to_chunk, to_point
from backend.storage.qdrant.requests import chosen, point_struct, search_requests, term_requests

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

_BATCH = 256
_MAKERS = "desklore_makers"
"""Where a collection says what made its vectors."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a server keeps new collections."""

    on_disk: bool = False
    quantized: bool = False


class ClientIndexes:
    """The indexes of all tenants on one Qdrant: one collection a tenant.

    `make_client` is called once, at the first use: importing the client takes more than a second. Where other processes
    write to the same indexes, `changes` has to be what all of them see.
    """

    def __init__(
        self,
        make_client: "Callable[[], AsyncQdrantClient]",
        makers: Makers,
        layout: Layout | None = None,
        *,
        changes: Changes | None = None,
    ) -> None:
        self._make_client = make_client
        self._layout = layout or Layout()
        self._client: AsyncQdrantClient | None = None
        self._makers = makers
        self._changes: Changes = changes or CountedChanges()

    @property
    def makers(self) -> Makers:
        """What makes the vectors of new points."""
        return self._makers

    async def open(self, company_id: str) -> "ClientIndex":
        """The tenant's index that is searched: the one its alias names. Made at first use."""
        client, alias = self._connected(), collections.alias_name(company_id)
        async with _told():
            if not await client.collection_exists(alias):
                await self._made(company_id)
                await _point(client, alias, collections.collection_name(company_id, self._makers))
            named = (await client.get_collection(alias)).config.metadata or {}
        return self._index(company_id, msgspec.convert(named[_MAKERS], Makers))

    async def building(self, company_id: str) -> "ClientIndex | None":
        """The one by the present makers, where the one that is searched is by others."""
        if (await self.open(company_id)).makers == self._makers:
            return None
        await self._made(company_id)
        return self._index(company_id, self._makers)

    async def switch(self, company_id: str) -> None:
        """From now on the one by the present makers is searched: by every process, for the server moves the alias at once."""
        await self._made(company_id)
        async with self._changes.of(company_id), _told():
            name = collections.collection_name(company_id, self._makers)
            await _point(self._connected(), collections.alias_name(company_id), name)

    async def tidy(self, company_id: str) -> None:
        """Delete what is neither searched nor built."""
        searched = (await self.open(company_id)).makers
        await self._delete_all(company_id, but={collections.collection_name(company_id, makers) for makers in (searched, self._makers)})

    async def drop(self, company_id: str) -> None:
        """Delete all collections of the tenant, and with them its alias."""
        await self._delete_all(company_id)
        self._changes.dropped(company_id)

    async def _made(self, company_id: str) -> None:
        """See to it that the collection by the present makers is there."""
        client, name = self._connected(), collections.collection_name(company_id, self._makers)
        async with _told():
            if not await client.collection_exists(name):
                await _create(client, name, self._makers, self._layout)

    def _index(self, company_id: str, makers: Makers) -> "ClientIndex":
        return ClientIndex(self._connected(), company_id, makers, changes=self._changes, present=self._makers)

    async def _delete_all(self, company_id: str, but: Collection[str] = ()) -> None:
        client, prefix = self._connected(), collections.collection_prefix(company_id)
        async with _told():
            for collection in (await client.get_collections()).collections:
                if collection.name.startswith(prefix) and collection.name not in but:
                    await client.delete_collection(collection.name)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _connected(self) -> "AsyncQdrantClient":
        if self._client is None:
            self._client = self._make_client()
        return self._client


class ClientIndex:
    """One tenant's index; see the port for what its methods promise."""

    def __init__(self, client: "AsyncQdrantClient", company_id: str, makers: Makers, *, changes: Changes, present: Makers) -> None:
        self._client = client
        self._company_id = company_id
        self._makers = makers
        self._name = collections.collection_name(company_id, makers)
        self._beside = collections.collection_name(company_id, present)
        self._changes = changes

    @property
    def makers(self) -> Makers:
        """What made its vectors."""
        return self._makers

    async def replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        """Upsert in batches, then remove what these Documents had before and have no more."""
        async with self._changes.of(self._company_id):
            await self._replace(document_ids, points)

    async def _replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        async with _told():
            for start in range(0, len(points), _BATCH):
                batch = [point_struct(point, with_dense=self._makers.dense) for point in points[start : start + _BATCH]]
                await self._client.upsert(self._name, batch, wait=True)
            if document_ids:
                leftovers = chosen(of_documents(document_ids), keep=[point.point_id for point in points])
                await self._client.delete(self._name, leftovers, wait=True)

    async def delete(self, document_ids: Collection[str]) -> None:
        """Remove all points of these Documents, also from an index that is being built beside this one."""
        async with self._changes.of(self._company_id):
            await self._replace(document_ids, ())
            if self._beside != self._name:
                async with _told():
                    if await self._client.collection_exists(self._beside):
                        await self._client.delete(self._beside, chosen(of_documents(document_ids)), wait=True)

    async def search(self, query: VectorQuery) -> list[Found]:
        """Points by fused score, best first."""
        wanted = parts(query)
        if not wanted:
            return []
        async with _told():
            answers = await self._client.query_batch_points(self._name, search_requests(wanted, query.filters))
            nearest = [[(str(point.id), float(point.score)) for point in answer.points] for answer in answers]
            best = fuse(wanted, nearest, query.limit)
            ids: list[Any] = [one.point_id for one in best]
            records = await self._client.retrieve(self._name, ids, with_payload=True, with_vectors=[SPARSE]) if ids else []
        by_id = {str(record.id): record for record in records}
        return [
            one.found(to_point(one.point_id, record.payload or {}, record.vector))
            for one in best
            # A point that was deleted in between is not found.
            if (record := by_id.get(one.point_id)) is not None
        ]

    async def chunks(self, document_id: str) -> list[Chunk]:
        """A Document's chunks by ordinal."""
        payloads = [payload async for payload in self._scroll(document_id)]
        return sorted(map(to_chunk, payloads), key=lambda chunk: chunk.ordinal)

    async def frequencies(self, indices: Sequence[int]) -> tuple[int, dict[int, int]]:
        """Number of points and of those with each token."""
        asked = list(dict.fromkeys(indices))
        async with _told():
            total = (await self._client.count(self._name, exact=True)).count
            answers = await self._client.query_batch_points(self._name, term_requests(asked)) if asked and total else []
        if not answers:
            return total, dict.fromkeys(asked, 0)
        return total, {index: documents_with(_best(index, answer.points), total) for index, answer in zip(asked, answers, strict=True)}

    async def version(self) -> str:
        """Changes before and after every write."""
        return await self._changes.version(self._company_id)

    async def count(self) -> tuple[int, int]:
        """Points and distinct Documents."""
        async with _told():
            total = (await self._client.count(self._name, exact=True)).count
            found = await self._client.facet(self._name, collections.DOCUMENT_FIELD, limit=max(1, total), exact=True)
        return total, sum(1 for hit in found.hits if hit.count)

    async def _scroll(self, document_id: str) -> AsyncIterator[dict[str, Any]]:
        offset: Any = None
        which = chosen(of_documents([document_id]))
        while True:
            async with _told():
                records, offset = await self._client.scroll(self._name, which, limit=256, offset=offset, with_payload=True)
            for record in records:
                yield record.payload or {}
            if offset is None:
                return


def _best(index: int, points: Sequence[Any]) -> tuple[float, float] | None:
    if not points:
        return None
    vector = points[0].vector[SPARSE]
    return points[0].score, vector.values[vector.indices.index(index)]


async def _point(client: "AsyncQdrantClient", alias: str, name: str) -> None:
    """Let the alias name this collection; both operations take effect together."""
    from qdrant_client import models  # noqa: PLC0415

    operations: list[Any] = []
    if any(known.alias_name == alias for known in (await client.get_aliases()).aliases):
        operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
    operations.append(models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias)))
    await client.update_collection_aliases(operations)


async def _create(client: "AsyncQdrantClient", name: str, makers: Makers, layout: Layout) -> None:
    from qdrant_client import models  # noqa: PLC0415

    int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    quantized = models.ScalarQuantization(scalar=int8) if layout.quantized else None
    vectors = models.VectorParams(
        size=makers.dimension, distance=models.Distance.COSINE, on_disk=layout.on_disk, quantization_config=quantized
    )
    dense = {DENSE: vectors} if makers.dense else {}
    sparse = {SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF, index=models.SparseIndexParams(on_disk=layout.on_disk))}
    await client.create_collection(
        name, vectors_config=dense, sparse_vectors_config=sparse, metadata={_MAKERS: msgspec.to_builtins(makers)}
    )
    kinds = dict.fromkeys(collections.KEYWORD_FIELDS, models.PayloadSchemaType.KEYWORD)
    kinds |= dict.fromkeys(collections.NUMBER_FIELDS, models.PayloadSchemaType.FLOAT)
    with warnings.catch_warnings():
        # The client's in-memory mode says that it needs no payload index; a server does.
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        for key, kind in kinds.items():
            await client.create_payload_index(name, key, kind, wait=True)


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Turn the client's failures into ours."""
    from qdrant_client.http.exceptions import ApiException  # noqa: PLC0415

    try:
        yield
    except (ApiException, OSError, RuntimeError) as error:
        if "No space left" in str(error):
            raise AppError(Code.STORAGE_FULL) from error
        raise AppError(Code.INDEX_UNAVAILABLE, f"The Qdrant server does not answer or refuses: {error}") from error

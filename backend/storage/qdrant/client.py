"""The index through qdrant-client: a Qdrant server, or the client's own in-memory mode."""

import warnings
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from backend.core.errors import AppError, Code
from backend.core.model.document import Chunk
from backend.core.model.search import Found, Point, VectorQuery
from backend.storage.qdrant import collections
from backend.storage.qdrant.changes import Changes
from backend.storage.qdrant.collections import DENSE, SPARSE
from backend.storage.qdrant.filters import of_documents
from backend.storage.qdrant.fusion import documents_with, fuse, parts
from backend.storage.qdrant.payload import to_chunk, to_point
from backend.storage.qdrant.requests import chosen, point_struct, search_requests, term_requests

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

_BATCH = 256


class ClientIndexes:
    """The indexes of all tenants on one Qdrant: one collection a tenant.

    `make_client` is called once, at the first use: importing the client takes more than a second.
    """

    def __init__(
        self, make_client: "Callable[[], AsyncQdrantClient]", dimension: int, fingerprint: str, *, with_dense: bool = True
    ) -> None:
        self._make_client = make_client
        self._client: AsyncQdrantClient | None = None
        self._dimension = dimension if with_dense else None
        self._fingerprint = fingerprint
        self._changes = Changes()

    async def open(self, company_id: str) -> "ClientIndex":
        """The tenant's index, made at first use."""
        name = collections.collection_name(company_id, self._fingerprint)
        client = self._connected()
        async with _told():
            if not await client.collection_exists(name):
                await _create(client, name, self._dimension)
        return ClientIndex(client, name, with_dense=self._dimension is not None, changes=self._changes)

    async def drop(self, company_id: str) -> None:
        """Delete all collections of the tenant."""
        client, prefix = self._connected(), collections.collection_prefix(company_id)
        with self._changes.of(company_id):
            await self._delete_all(client, prefix)

    async def _delete_all(self, client: "AsyncQdrantClient", prefix: str) -> None:
        async with _told():
            for collection in (await client.get_collections()).collections:
                if collection.name.startswith(prefix):
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

    def __init__(self, client: "AsyncQdrantClient", name: str, *, with_dense: bool, changes: Changes) -> None:
        self._changes = changes
        self._client = client
        self._name = name
        self._with_dense = with_dense

    async def replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        """Upsert in batches, then remove what these Documents had before and have no more."""
        with self._changes.of(self._name):
            await self._replace(document_ids, points)

    async def _replace(self, document_ids: Collection[str], points: Sequence[Point]) -> None:
        async with _told():
            for start in range(0, len(points), _BATCH):
                batch = [point_struct(point, with_dense=self._with_dense) for point in points[start : start + _BATCH]]
                await self._client.upsert(self._name, batch, wait=True)
            if document_ids:
                leftovers = chosen(of_documents(document_ids), keep=[point.point_id for point in points])
                await self._client.delete(self._name, leftovers, wait=True)

    async def delete(self, document_ids: Collection[str]) -> None:
        """Remove all points of these Documents."""
        await self.replace(document_ids, ())

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
        """Changes before and after every write of this process; other processes' writes are not seen."""
        return self._changes.version(self._name)

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


async def _create(client: "AsyncQdrantClient", name: str, dimension: int | None) -> None:
    from qdrant_client import models  # noqa: PLC0415

    dense = {DENSE: models.VectorParams(size=dimension, distance=models.Distance.COSINE)} if dimension is not None else {}
    sparse = {SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)}
    await client.create_collection(name, vectors_config=dense, sparse_vectors_config=sparse)
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

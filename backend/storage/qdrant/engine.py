"""The one file that speaks qdrant-edge-py: how a shard is set up, asked and written to.

https://qdrant.tech/documentation/edge/ ; the engine is Qdrant's own, in this process, with a synchronous API.
`EdgeShard.optimize()` is called by `sealing` only: it holds the interpreter's lock all the time. No graph is built: a dense search reads
all vectors; quantization makes that reading cheap, and the best candidates are scored again with the exact vectors.
"""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import structs

from backend.core.errors import AppError, Code
from backend.core.model.search import Filters, Point, SparseVector
from backend.storage.qdrant.collections import DENSE, SPARSE
from backend.storage.qdrant.filters import Between, Condition, Conditions, Either, conditions, of_documents
from backend.storage.qdrant.fusion import Part
from backend.storage.qdrant.layout import DOCUMENT, KEYWORDS, NUMBERS, field_of, to_stored, values_of

# Below this many points exact scores cost a few milliseconds, so there is nothing to win by estimating first.
_EXACT_BELOW = 20_000
# How many times the wanted number of candidates is scored again exactly; 4 found all true neighbors in trials.
_OVERSAMPLING = 4.0
_PAGE = 256
# Vectors of more than this are sealed, see `sealing`; segments are joined up to some 25,000 points.
_SEALED_KB = 100
_SEGMENT_KB = 20_000
# Documents with more points than this together are excluded by the engine after all.
_MOST_EXCLUDED = 512


@cache
def _edge() -> Any:
    # 35 MB of native code: loaded when the first index is opened, not when the program starts.
    import qdrant_edge  # noqa: PLC0415

    return qdrant_edge


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn the engine's failures into ours. It raises bare `Exception`, so nothing narrower can be caught."""
    try:
        yield
    except AppError:
        raise
    except Exception as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        if full:
            raise AppError(Code.STORAGE_FULL) from error
        if "Cannot allocate memory" in str(error):
            message = (
                "The system lets this process map no more files: raise vm.max_map_count (an open index takes some 50 maps), "
                "or lower DESKLORE_INDEX_OPEN."
            )
            raise AppError(Code.INDEX_UNAVAILABLE, message) from error
        if "WouldBlock" in str(error):
            raise AppError(Code.INDEX_UNAVAILABLE, "Another Desklore process holds the data folder; stop it first.") from error
        raise AppError(Code.INDEX_UNAVAILABLE, f"The search index failed while {doing}: {error}") from error


def create_shard(folder: Path, dimension: int | None) -> None:
    """Make an empty shard; without dense vectors when `dimension` is None."""
    folder.mkdir(parents=True)
    _edge().EdgeShard.create(str(folder), _config(dimension)).close()


def load_shard(folder: Path, dimension: int | None) -> Any:
    """Open a shard, replaying its log, with every filtered field indexed."""
    edge = _edge()
    shard = edge.EdgeShard.load(str(folder), _config(dimension))
    present = shard.info().payload_schema
    cold = edge.Memory.Cold
    kinds = {key: edge.KeywordIndexParams(memory=cold) for key in KEYWORDS}
    kinds |= {key: edge.FloatIndexParams(memory=cold) for key in NUMBERS}
    for key in kinds.keys() - present.keys():
        shard.update(edge.UpdateOperation.create_field_index(key, kinds[key]))
    return shard


def _config(dimension: int | None) -> Any:
    edge = _edge()
    dense = None
    if dimension is not None:
        quantized = edge.TurboQuantQuantizationConfig()
        dense = {DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine, quantization_config=quantized)}
    cold = edge.Memory.Cold
    sparse = {SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=cold)}
    return edge.EdgeConfig(
        vectors=dense,
        sparse_vectors=sparse,
        # The default of one a processor core makes hundreds with many tenants.
        max_search_threads=1,
        # Without a graph of neighbors, which takes minutes to build, for what sealing costs is paid while tickets come in.
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=1),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_SEALED_KB, default_segment_number=1, max_segment_size=_SEGMENT_KB),
        payload_memory=cold,
        id_tracker_memory=cold,
    )


def upsert(shard: Any, points: Sequence[Point], *, with_dense: bool) -> None:
    """Write points over those of the same ids."""
    edge = _edge()
    made = []
    for point in points:
        sparse = edge.SparseVector(indices=list(point.sparse.indices), values=list(point.sparse.values))
        vectors: dict[str, Any] = {SPARSE: sparse}
        if with_dense and point.dense is not None:
            vectors[DENSE] = list(point.dense)
        made.append(edge.Point(point.point_id, vectors, to_stored(point)))
    shard.update(edge.UpdateOperation.upsert_points(made))


def copy_points(source: Any, target: Any) -> None:
    """Write all points of a shard, as they are, into another one."""
    edge = _edge()
    offset = None
    while True:
        request = edge.ScrollRequest(offset=offset, limit=_PAGE, filter=None, with_payload=True, with_vector=True)
        records, offset = source.scroll(request)
        if records:
            made = [edge.Point(record.id, _vectors(record.vector), record.payload) for record in records]
            target.update(edge.UpdateOperation.upsert_points(made))
        if offset is None:
            return


def remove(shard: Any, which: Conditions, keep: Iterable[str] = ()) -> None:
    """Delete the points that fulfil the conditions, except those with the ids `keep`."""
    edge = _edge()
    shard.update(edge.UpdateOperation.delete_points_by_filter(_filter(which, keep=set(keep))))


def nearest(shard: Any, wanted: Sequence[Part], filters: Filters, points: int) -> list[list[tuple[str, float]]]:
    """For each part its nearest points with their scores, best first, in one go.

    Documents are excluded here and not by the engine: it would look up every one of the points it passes for that,
    which takes longer than the search itself, while their own few points are found at once.
    """
    edge = _edge()
    excluded: set[str] = set()
    if filters.exclude_documents:
        records = scroll(shard, of_documents(filters.exclude_documents), limit=_MOST_EXCLUDED, with_payload=False)
        excluded = {str(record.id) for record in records}
        if len(excluded) < _MOST_EXCLUDED:
            filters = structs.replace(filters, exclude_documents=())
    chosen = _filter(conditions(filters))
    quantization = edge.QuantizationSearchParams(ignore=points < _EXACT_BELOW, rescore=True, oversampling=_OVERSAMPLING)
    requests = [
        edge.QueryRequest(
            limit=part.limit + len(excluded),
            query=edge.Query.Nearest(_vector(part.vector), using=part.using),
            filter=chosen,
            params=edge.SearchParams(quantization=quantization) if part.using == DENSE else None,
        )
        for part in wanted
    ]
    answers = shard.query_batch(edge.QueryBatchRequest(requests)) if requests else []
    scored = [[(str(point.id), float(point.score)) for point in answer] for answer in answers]
    return [[one for one in found if one[0] not in excluded][: part.limit] for part, found in zip(wanted, scored, strict=True)]


def read(shard: Any, point_ids: Sequence[str]) -> dict[str, Any]:
    """Records with payload and sparse vector by id."""
    records = shard.retrieve(list(point_ids), with_payload=True, with_vector=[SPARSE]) if point_ids else []
    return {str(record.id): record for record in records}


def best_of_terms(shard: Any, indices: Sequence[int]) -> list[tuple[float, float] | None]:
    """For each token id the score and the stored value of its best point; None where no point has it."""
    edge = _edge()
    requests = [
        edge.QueryRequest(limit=1, with_vector=[SPARSE], query=edge.Query.Nearest(edge.SparseVector([index], [1.0]), using=SPARSE))
        for index in indices
    ]
    best: list[tuple[float, float] | None] = []
    for index, found in zip(indices, shard.query_batch(edge.QueryBatchRequest(requests)), strict=True):
        if not found:
            best.append(None)
            continue
        vector = found[0].vector[SPARSE]
        best.append((found[0].score, vector.values[vector.indices.index(index)]))
    return best


def scroll(
    shard: Any, which: Conditions, *, limit: int | None = None, with_payload: bool = True, with_vector: bool = False
) -> Iterator[Any]:
    """Records that fulfil the conditions, in no order, at most `limit`."""
    edge = _edge()
    offset, left = None, limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        request = edge.ScrollRequest(offset=offset, limit=size, filter=_filter(which), with_payload=with_payload, with_vector=with_vector)
        records, offset = shard.scroll(request)
        yield from records
        if offset is None:
            return
        left = None if left is None else left - len(records)


def about(shard: Any) -> int:
    """How many points there are, as its segments tell it: at once, and exact but for points that are being moved from one to another."""
    return int(shard.info().points_count)


def count_points(shard: Any) -> int:
    """How many points there are, counted: 34 ms of 100,000, during which the engine holds the interpreter's lock."""
    return int(shard.count(_edge().CountRequest(exact=True)))


def count_documents(shard: Any) -> int:
    """How many Documents the points are of."""
    return len(values(shard, DOCUMENT))


def values(shard: Any, key: str, which: Conditions | None = None) -> list[str]:
    """The distinct values of an indexed field, of the points that fulfil the conditions or of all."""
    chosen = None if which is None else _filter(which)
    hits = shard.facet(_edge().FacetRequest(key=key, limit=10_000_000, exact=True, filter=chosen)).hits
    return [str(hit.value) for hit in hits if hit.count]


def _vectors(stored: Any) -> dict[str, Any]:
    """The vectors of a record as a point takes them."""
    edge = _edge()
    return {
        name: edge.SparseVector(indices=list(vector.indices), values=list(vector.values)) if name == SPARSE else list(vector)
        for name, vector in stored.items()
    }


def _vector(vector: SparseVector | list[float]) -> Any:
    if isinstance(vector, SparseVector):
        return _edge().SparseVector(indices=list(vector.indices), values=list(vector.values))
    return vector


def _filter(wanted: Conditions, *, keep: set[str] | None = None) -> Any:
    if not wanted and not keep:
        return None
    edge = _edge()
    must_not = [_condition(condition) for condition in wanted.must_not]
    if keep:
        must_not.append(edge.HasIdCondition(keep))
    return edge.Filter(must=[_condition(condition) for condition in wanted.must], must_not=must_not)


def _condition(condition: Condition) -> Any:
    edge = _edge()
    if isinstance(condition, Either):
        return edge.Filter(should=[_condition(choice) for choice in condition.choices])
    if isinstance(condition, Between):
        return edge.FieldCondition(field_of(condition.key), range=edge.RangeFloat(gte=condition.least, lte=condition.most))
    field, wanted = field_of(condition.key), values_of(condition)
    # Comparing with one value is several times faster than looking it up in a set of one.
    match = edge.MatchValue(wanted[0]) if len(wanted) == 1 else edge.MatchAny(wanted)
    return edge.FieldCondition(field, match=match)

"""The one file that speaks qdrant-edge-py: how a shard is set up, asked and written to.

https://qdrant.tech/documentation/edge/ ; the engine is Qdrant's own, in this process, with a synchronous API.
`EdgeShard.optimize()` is never called: it holds the interpreter's lock for minutes. Without it a dense search reads
all vectors; quantization makes that reading cheap, and the best candidates are scored again with the exact vectors.
"""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from backend.core.errors import AppError, Code
from backend.core.model.search import Point, SparseVector, VectorQuery
from backend.storage.qdrant.collections import DENSE, KEYWORD_FIELDS, NUMBER_FIELDS, SPARSE
from backend.storage.qdrant.filters import AnyOf, Between, Conditions, conditions
from backend.storage.qdrant.fusion import RANK_CONSTANT, cosine, parts, takes_dense
from backend.storage.qdrant.payload import to_payload

# Below this many points exact scores cost a few milliseconds, so there is nothing to win by estimating first.
_EXACT_BELOW = 20_000
# How many times the wanted number of candidates is scored again exactly; 4 found all true neighbors in trials.
_OVERSAMPLING = 4.0


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
    present = set(shard.info().payload_schema)
    kinds = {key: edge.KeywordIndexParams() for key in KEYWORD_FIELDS} | {key: edge.FloatIndexParams() for key in NUMBER_FIELDS}
    for key in kinds.keys() - present:
        shard.update(edge.UpdateOperation.create_field_index(key, kinds[key]))
    return shard


def _config(dimension: int | None) -> Any:
    edge = _edge()
    dense = None
    if dimension is not None:
        quantized = edge.TurboQuantQuantizationConfig()
        dense = {DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine, quantization_config=quantized)}
    sparse = {SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)}
    # One search thread a shard: the default of one a processor core makes hundreds with many tenants.
    return edge.EdgeConfig(vectors=dense, sparse_vectors=sparse, max_search_threads=1)


def upsert(shard: Any, points: Sequence[Point], *, with_dense: bool) -> None:
    """Write points over those of the same ids."""
    edge = _edge()
    made = []
    for point in points:
        sparse = edge.SparseVector(indices=list(point.sparse.indices), values=list(point.sparse.values))
        vectors: dict[str, Any] = {SPARSE: sparse}
        if with_dense and point.dense is not None:
            vectors[DENSE] = list(point.dense)
        made.append(edge.Point(point.point_id, vectors, to_payload(point)))
    shard.update(edge.UpdateOperation.upsert_points(made))


def remove(shard: Any, which: Conditions, keep: Iterable[str] = ()) -> None:
    """Delete the points that fulfil the conditions, except those with the ids `keep`."""
    edge = _edge()
    shard.update(edge.UpdateOperation.delete_points_by_filter(_filter(which, keep=set(keep))))


def query(shard: Any, asked: VectorQuery, points: int) -> list[Any]:
    """Scored points with payloads, fused by reciprocal rank, best first."""
    edge = _edge()
    wanted = parts(asked)
    if not wanted or not points:
        return []
    chosen = _filter(conditions(asked.filters))
    quantization = edge.QuantizationSearchParams(ignore=points < _EXACT_BELOW, rescore=True, oversampling=_OVERSAMPLING)
    prefetches = [
        edge.Prefetch(
            limit=part.limit,
            query=edge.Query.Nearest(_vector(part.vector), using=part.using),
            filter=chosen,
            params=edge.SearchParams(quantization=quantization) if part.using == DENSE else None,
        )
        for part in wanted
    ]
    fusion = edge.Fusion.Rrf(k=RANK_CONSTANT, weights=[part.weight for part in wanted])
    request = edge.QueryRequest(limit=asked.limit, with_payload=True, with_vector=[SPARSE], query=fusion, prefetches=prefetches)
    found: list[Any] = shard.query(request)
    return found


def cosines(shard: Any, asked: VectorQuery, point_ids: Sequence[str]) -> dict[str, float]:
    """For each point that has a dense vector its cosine with the question's; none where dense vectors take no part."""
    if not asked.dense or not takes_dense(asked):
        return {}
    records = shard.retrieve(list(point_ids), with_payload=False, with_vector=[DENSE])
    return {str(record.id): cosine(asked.dense, record.vector[DENSE]) for record in records if DENSE in record.vector}


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


def scroll(shard: Any, which: Conditions) -> Iterator[Any]:
    """Records with payloads that fulfil the conditions, in no order."""
    edge = _edge()
    offset = None
    while True:
        request = edge.ScrollRequest(offset=offset, limit=256, filter=_filter(which), with_payload=True)
        records, offset = shard.scroll(request)
        yield from records
        if offset is None:
            return


def count_points(shard: Any) -> int:
    """How many points there are."""
    return int(shard.count(_edge().CountRequest(exact=True)))


def count_values(shard: Any, key: str) -> int:
    """How many distinct values an indexed field has."""
    hits = shard.facet(_edge().FacetRequest(key=key, limit=10_000_000, exact=True)).hits
    return sum(1 for hit in hits if hit.count)


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


def _condition(condition: AnyOf | Between) -> Any:
    edge = _edge()
    if isinstance(condition, Between):
        return edge.FieldCondition(condition.key, range=edge.RangeFloat(gte=condition.least, lte=condition.most))
    if len(condition.values) == 1:
        # Comparing with one value is several times faster than looking it up in a set of one.
        return edge.FieldCondition(condition.key, match=edge.MatchValue(condition.values[0]))
    return edge.FieldCondition(condition.key, match=edge.MatchAny(condition.values))

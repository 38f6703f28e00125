"""What is asked of qdrant-client: filters, points and searches as its models (imported when first needed)."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from backend.core.model.search import Point, SparseVector
from backend.storage.qdrant.collections import DENSE, SPARSE
from backend.storage.qdrant.filters import Between, Condition, Conditions, Either
from backend.storage.qdrant.fusion import Part
from backend.storage.qdrant.payload import to_payload


@cache
def _models() -> Any:
    # Importing the client takes more than a second; the embedded mode never needs it.
    from qdrant_client import models  # noqa: PLC0415

    return models


def point_struct(point: Point, *, with_dense: bool) -> Any:
    """A point with its vectors and payload."""
    vectors: dict[str, Any] = {SPARSE: _vector(point.sparse)}
    if with_dense and point.dense is not None:
        vectors[DENSE] = list(point.dense)
    return _models().PointStruct(id=point.point_id, vector=vectors, payload=to_payload(point))


def search_requests(wanted: Sequence[Part], which: Any, payload: Any) -> list[Any]:
    """One search a vector among the points that the filter `which` chooses, for ids, scores and the named fields of the payload."""
    models = _models()
    return [
        models.QueryRequest(query=_vector(part.vector), using=part.using, limit=part.limit, filter=which, with_payload=payload)
        for part in wanted
    ]


def count_requests(indices: Sequence[int], which: Any, most: int) -> list[Any]:
    """One search a token id, for the ids of the points that have it, `most` of them."""
    models = _models()
    asked = [models.SparseVector(indices=[index], values=[1.0]) for index in indices]
    return [models.QueryRequest(query=each, using=SPARSE, limit=most, filter=which) for each in asked]


def term_requests(indices: Sequence[int]) -> list[Any]:
    """One search a token id, for its best point with the stored value."""
    models = _models()
    return [
        models.QueryRequest(query=models.SparseVector(indices=[index], values=[1.0]), using=SPARSE, limit=1, with_vector=[SPARSE])
        for index in indices
    ]


def chosen(wanted: Conditions, *, keep: Sequence[str] = ()) -> Any:
    """The filter for points that fulfil the conditions and don't have the ids `keep`."""
    if not wanted and not keep:
        return None
    models = _models()
    must_not: list[Any] = [_condition(condition) for condition in wanted.must_not]
    if keep:
        must_not.append(models.HasIdCondition(has_id=list(keep)))
    return models.Filter(must=[_condition(condition) for condition in wanted.must], must_not=must_not)


def _condition(condition: Condition) -> Any:
    models = _models()
    if isinstance(condition, Either):
        return models.Filter(should=[_condition(choice) for choice in condition.choices])
    if isinstance(condition, Between):
        return models.FieldCondition(key=condition.key, range=models.Range(gte=condition.least, lte=condition.most))
    return models.FieldCondition(key=condition.key, match=models.MatchAny(any=condition.values))


def _vector(vector: SparseVector | list[float]) -> Any:
    if isinstance(vector, SparseVector):
        return _models().SparseVector(indices=list(vector.indices), values=list(vector.values))
    return vector

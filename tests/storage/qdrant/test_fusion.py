"""One list from two: the formula, and that it is the engine's own."""

import random

import pytest

from backend.core.model.search import SparseVector, VectorQuery
from backend.storage.qdrant.fusion import documents_with, fuse, parts

SPARSE = SparseVector((1, 2), (1.0, 1.0))


def test_ranks_are_added_up_by_weight() -> None:
    wanted = parts(VectorQuery(dense=[1.0, 0.0], sparse=SPARSE, dense_weight=2.0, sparse_weight=1.0, limit=5))
    found = fuse(wanted, [[("a", 0.9), ("b", 0.5)], [("b", 12.0), ("c", 3.0)]], 5)
    assert [one.point_id for one in found] == ["b", "a", "c"]
    assert found[0].score == pytest.approx(1 / (2 / 2 + 59) + 1 / 60)
    assert [one.cosine for one in found] == [0.5, 0.9, None]


def test_equal_scores_have_one_order() -> None:
    wanted = parts(VectorQuery(dense=[1.0], sparse=SPARSE, limit=2))
    assert [one.point_id for one in fuse(wanted, [[("b", 1.0)], [("a", 1.0)]], 2)] == ["a", "b"]
    alone = parts(VectorQuery(dense=[1.0], sparse=None, limit=3))
    for found in ([("b", 1.0), ("c", 1.0), ("a", 0.5)], [("c", 1.0), ("b", 1.0), ("a", 0.5)]):
        assert [one.point_id for one in fuse(alone, [found], 3)] == ["b", "c", "a"]


def test_frequencies_come_back_from_scores() -> None:
    assert documents_with(None, 100) == 0
    # IDF of a term in all of 3 points is ln(4 / 3.5).
    assert documents_with((0.1335314 * 1.7, 1.7), 3) == 3


async def test_the_formula_is_qdrants_own() -> None:
    from qdrant_client import AsyncQdrantClient, models

    rng = random.Random(1)
    client = AsyncQdrantClient(":memory:")
    size = models.VectorParams(size=4, distance=models.Distance.COSINE)
    await client.create_collection("c", vectors_config={"dense": size}, sparse_vectors_config={"sparse": models.SparseVectorParams()})
    points = [
        models.PointStruct(
            id=number,
            vector={
                "dense": [rng.gauss(0, 1) for _ in range(4)],
                "sparse": models.SparseVector(indices=[1, 2], values=[rng.random(), rng.random()]),
            },
        )
        for number in range(30)
    ]
    await client.upsert("c", points)
    dense, terms = [0.3, -0.2, 0.9, 0.1], models.SparseVector(indices=[1, 2], values=[1.0, 1.0])
    prefetch = [models.Prefetch(query=dense, using="dense", limit=20), models.Prefetch(query=terms, using="sparse", limit=20)]
    rrf = models.RrfQuery(rrf=models.Rrf(k=60, weights=[2.0, 0.7]))
    theirs = await client.query_points("c", prefetch=prefetch, limit=10, query=rrf)
    lists = [(await client.query_points("c", query=one.query, using=one.using, limit=20)).points for one in prefetch]
    query = VectorQuery(dense=dense, sparse=SPARSE, dense_weight=2.0, sparse_weight=0.7, limit=10)
    ours = fuse(parts(query), [[(str(point.id), point.score) for point in one] for one in lists], 10)
    assert [round(point.score, 9) for point in theirs.points] == [round(one.score, 9) for one in ours]
    await client.close()

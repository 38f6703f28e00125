"""The VectorIndex port: what every implementation does, and that they agree to the last rank."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from backend.core.model.article import Visibility
from backend.core.model.document import DocType
from backend.core.model.search import Filters, Point, SparseVector, VectorQuery
from backend.core.ports.vectors import VectorIndex, VectorIndexes
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.qdrant.server import Layout
from tests.contract.vectors import MAKERS, START, doc, docs, many, points_of, question, ranking
from tests.support.qdrant import qdrant


def _edge(root: Path, *, max_open: int = 32) -> EdgeIndexes:
    return EdgeIndexes(root / "index", MAKERS, max_open=max_open)


def _client(_: Path, *, shared: bool = False) -> ClientIndexes:
    from qdrant_client import AsyncQdrantClient

    return ClientIndexes(lambda: AsyncQdrantClient(":memory:"), MAKERS, Layout(shared=shared))


_shared = partial(_client, shared=True)


KINDS: dict[str, Callable[[Path], VectorIndexes]] = {"embedded": _edge, "client": _client, "shared": _shared}


@pytest.fixture(params=[*KINDS, "server", "shared server", "real server", "real shared server"])
async def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorIndexes]:
    if request.param not in KINDS:
        async with qdrant(real="real" in request.param) as connect:
            layout = Layout(on_disk=True, quantized=True, shared="shared" in request.param)
            made: VectorIndexes = ClientIndexes(connect, MAKERS, layout)
            yield made
            await made.close()
        return
    made = KINDS[request.param](tmp_path)
    yield made
    await made.close()


async def test_what_is_written_comes_back_whole(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(20, random.Random(1))
    await index.replace(docs(points), points)
    by_id = {point.point_id: point for point in points}
    found = await index.search(question(random.Random(2), limit=100))
    assert len(found) > 20
    for one in found:
        written = by_id[one.point.point_id]
        assert one.point.sparse.indices == written.sparse.indices
        assert one.point.sparse.values == pytest.approx(written.sparse.values)
        assert one.point == msgspec.structs.replace(written, dense=None, sparse=one.point.sparse)
    owner = points[0].chunk.document_id
    assert await index.chunks(owner) == [point.chunk for point in points if point.chunk.document_id == owner]
    assert await index.chunks(doc(999)) == []


async def test_replacing_leaves_exactly_the_new_points_and_can_be_repeated(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(12, random.Random(3))
    await index.replace(docs(points), points)
    assert await index.count() == (len(points), 12)
    shorter = [point for point in points if point.chunk.ordinal == 0]
    for _ in range(2):
        await index.replace({doc(1), doc(2)}, [point for point in shorter if point.chunk.document_id in {doc(1), doc(2)}])
    kept = [point for point in points if point.chunk.document_id not in {doc(1), doc(2)}]
    assert await index.count() == (len(kept) + 2, 12)
    assert [chunk.ordinal for chunk in await index.chunks(doc(1))] == [0]
    await index.delete([doc(1), doc(999)])
    await index.delete([])
    assert await index.chunks(doc(1)) == []
    assert await index.count() == (len(kept) + 1, 11)


FILTERS: dict[str, tuple[Filters, Callable[[Point], bool]]] = {
    "doc_types": (Filters(doc_types=(DocType.TICKET, DocType.UPLOAD)), lambda p: p.doc_type is not DocType.ARTICLE),
    "platforms": (Filters(platforms=("zendesk",)), lambda p: p.platform == "zendesk"),
    "exclude_platforms": (Filters(exclude_platforms=("zendesk",)), lambda p: p.platform != "zendesk"),
    "statuses": (Filters(statuses=("open",)), lambda p: p.status == "open"),
    "products": (Filters(products=("앱", "web")), lambda p: p.product in {"앱", "web"}),
    "tags": (Filters(tags=("환불", "none")), lambda p: "환불" in p.tags),
    "languages": (Filters(languages=("ko",)), lambda p: p.language == "ko"),
    "updated_from": (Filters(updated_from=START + timedelta(days=7)), lambda p: p.updated_at >= START + timedelta(days=7)),
    "updated_to": (Filters(updated_to=START + timedelta(days=7)), lambda p: p.updated_at <= START + timedelta(days=7)),
    "visibilities": (
        Filters(visibilities=(Visibility.PUBLIC, Visibility.CONVERSATION)),
        lambda p: p.chunk.visibility in {Visibility.PUBLIC, Visibility.CONVERSATION},
    ),
    "no_internal": (
        Filters(visibilities=(Visibility.PUBLIC, Visibility.RESTRICTED, Visibility.CONVERSATION)),
        lambda p: p.chunk.visibility is not Visibility.INTERNAL,
    ),
    "exclude_documents": (Filters(exclude_documents=(doc(3), doc(4))), lambda p: p.original_id not in {"3", "4"}),
    "document_ids": (Filters(document_ids=(doc(3), doc(4))), lambda p: p.original_id in {"3", "4"}),
    "several": (
        Filters(languages=("en",), visibilities=(Visibility.INTERNAL,), exclude_documents=(doc(3),), tags=("billing",)),
        lambda p: p.language == "en" and p.chunk.visibility is Visibility.INTERNAL and p.original_id != "3" and "billing" in p.tags,
    ),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_every_filter_lets_through_what_it_says(indexes: VectorIndexes, name: str) -> None:
    filters, fits = FILTERS[name]
    index = await indexes.open("acme")
    points = many(16, random.Random(4))
    await index.replace(docs(points), points)
    # By dense vectors alone every point is found, unless the filter holds it back.
    found = await index.search(question(random.Random(5), limit=200, sparse=None, filters=filters))
    assert {one.point.point_id for one in found} == {point.point_id for point in points if fits(point)}
    assert found


async def test_two_tenants_with_the_same_documents_never_meet(indexes: VectorIndexes) -> None:
    mine, theirs = await indexes.open("acme"), await indexes.open("globex")
    points = many(6, random.Random(6))
    await mine.replace(docs(points), points)
    assert await theirs.count() == (0, 0)
    assert await theirs.search(question(random.Random(7))) == []
    await theirs.replace(docs(points), points[:1])
    await mine.delete([points[0].chunk.document_id])
    assert [one.point.point_id for one in await theirs.search(question(random.Random(7), sparse=None))] == [points[0].point_id]
    await indexes.drop("acme")
    assert await theirs.count() == (1, 1)


async def test_a_dropped_tenant_is_gone_and_can_begin_again(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(3, random.Random(8))
    await index.replace(docs(points), points)
    await indexes.drop("acme")
    await indexes.drop("acme")
    again = await indexes.open("acme")
    assert await again.count() == (0, 0)


async def test_points_of_equal_scores_are_in_one_order_whenever_they_were_written(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(10, random.Random(9))
    asked = question(random.Random(10), limit=100)
    same = [msgspec.structs.replace(point, dense=asked.dense, sparse=asked.sparse) for point in points]
    await index.replace(docs(same), same)
    first = ranking(await index.search(asked))
    # As after a restore.
    await index.delete(docs(same))
    for document_id in sorted(docs(same), reverse=True):
        await index.replace({document_id}, [point for point in same if point.chunk.document_id == document_id])
    assert ranking(await index.search(asked)) == first


async def test_a_vector_without_weight_takes_no_part(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(10, random.Random(9))
    await index.replace(docs(points), points)
    both = question(random.Random(10))
    alone = await index.search(msgspec.structs.replace(both, dense=None))
    assert ranking(alone) == ranking(await index.search(msgspec.structs.replace(both, dense_weight=0.0)))
    # One list alone: the best point is 1 / 60, the second 1 / 61, whatever the engine's own scores are.
    assert [round(one.score, 6) for one in alone[:3]] == [round(1 / 60, 6), round(1 / 61, 6), round(1 / 62, 6)]
    assert await index.search(VectorQuery(dense=None, sparse=None)) == []
    assert await index.search(VectorQuery(dense=None, sparse=SparseVector((), ()))) == []
    assert await index.search(msgspec.structs.replace(both, dense_weight=0.0, sparse_weight=0.0)) == []


async def test_points_tell_their_cosine_where_dense_vectors_take_part(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(10, random.Random(20))
    await index.replace(docs(points), points)
    stored = {point.point_id: point.dense for point in points}
    asked = question(random.Random(21))
    assert asked.dense is not None
    told = [one for one in await index.search(asked) if one.cosine is not None]
    assert len(told) == 10
    for one in told:
        expected = sum(a * b for a, b in zip(asked.dense, stored[one.point.point_id] or (), strict=True))
        assert one.cosine == pytest.approx(expected, abs=1e-5)
    assert all(one.cosine is None for one in await index.search(msgspec.structs.replace(asked, dense_weight=0.0)))


async def test_frequencies_count_points(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    assert await index.frequencies([1, 2]) == (0, {1: 0, 2: 0})
    points = many(30, random.Random(11))
    await index.replace(docs(points), points)
    total, counts = await index.frequencies([*range(40), 77, 77])
    assert total == len(points)
    assert counts == {index: sum(index in point.sparse.indices for point in points) for index in [*range(40), 77]}
    gone = {doc(0), doc(1), doc(2)}
    await index.delete(gone)
    left = [point for point in points if point.chunk.document_id not in gone]
    total, counts = await index.frequencies([5, 77])
    # The embedded engine's statistics may still hold the deleted points.
    assert (total, counts[77]) == (len(left), 0)
    assert counts[5] == pytest.approx(sum(5 in point.sparse.indices for point in left), rel=0.25)


@pytest.mark.parametrize("seed", range(4))
async def test_the_implementations_agree_to_the_last_rank(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    edge, client, shared = _edge(tmp_path), _client(tmp_path), _shared(tmp_path)
    others = await shared.open("globex")
    # Whatever others write in the same collection changes no score of this tenant's.
    await others.replace([doc(number, "globex") for number in range(9)], many(9, random.Random(99), "globex"))
    pair = [await indexes.open("acme") for indexes in (edge, client, shared)]
    for _ in range(20):
        numbers = rng.sample(range(30), rng.randint(1, 5))
        points = [point for number in numbers for point in points_of(number, rng)]
        owners = [doc(number) for number in numbers]
        removing = rng.random() < 0.25
        for index in pair:
            await (index.delete(owners) if removing else index.replace(owners, points))
        await _agree(pair, question(rng, sparse=None, limit=50))
        assert await pair[0].count() == await pair[1].count() == await pair[2].count()
        assert await pair[0].chunks(owners[0]) == await pair[1].chunks(owners[0]) == await pair[2].chunks(owners[0])
    # Term statistics of the embedded engine forget deleted points when a shard is opened.
    await edge.close()
    edge = _edge(tmp_path)
    pair[0] = await edge.open("acme")
    assert await pair[0].frequencies(range(45)) == await pair[1].frequencies(range(45)) == await pair[2].frequencies(range(45))
    for filters in [Filters(), *(filters for filters, _ in FILTERS.values())]:
        for weights in ((1.0, 1.0), (0.5, 2.0), (3.0, 1.0), (0.0, 1.0), (1.0, 0.0)):
            limit = rng.randint(1, 20)
            asked = question(rng, filters=filters, limit=limit, dense_weight=weights[0], sparse_weight=weights[1])
            await _agree(pair, asked)
    await edge.close()
    await client.close()
    await shared.close()


async def _agree(pair: Sequence[VectorIndex], asked: VectorQuery) -> None:
    first, *others = [ranking(await index.search(asked)) for index in pair]
    for second in others:
        assert [score for _, score in first] == [score for _, score in second]
        # Two points may share a fused score; then either may be first, and either may miss the end of the list.
        last = first[-1][1] if first else 0.0
        assert {one for one in first if one[1] > last} == {one for one in second if one[1] > last}


async def test_the_version_changes_with_each_write_and_only_the_tenants_own(indexes: VectorIndexes) -> None:
    acme, other = await indexes.open("acme"), await indexes.open("other")
    before = await acme.version(), await other.version()
    points = many(2, random.Random(3))
    await acme.replace(docs(points), points)
    written = await (await indexes.open("acme")).version()
    assert written != before[0]
    await acme.search(question(random.Random(4)))
    assert await acme.version() == written
    await acme.delete(docs(points))
    assert await acme.version() not in (written, before[0])
    assert await other.version() == before[1]


async def test_tickets_of_other_groups_are_not_found(indexes: VectorIndexes) -> None:
    index = await indexes.open("acme")
    points = many(40, random.Random(3))
    await index.replace(docs(points), points)
    by_id = {point.point_id: point for point in points}
    for marks in (("freshdesk:42",), ("=결제팀", "=shipping"), ("=nobody",), ()):
        asked = question(random.Random(4), limit=200, filters=Filters(ticket_groups=marks))
        found = {one.point.point_id for one in await index.search(asked)}
        everything = {one.point.point_id for one in await index.search(question(random.Random(4), limit=200))}
        mine = {name for name in everything if by_id[name].doc_type is not DocType.TICKET or set(by_id[name].groups) & set(marks)}
        assert found == mine
        assert {by_id[name].doc_type for name in found} >= {DocType.ARTICLE, DocType.UPLOAD}
        tickets = Filters(ticket_groups=marks, doc_types=(DocType.TICKET,))
        of_tickets = {one.point.point_id for one in await index.search(question(random.Random(4), limit=200, filters=tickets))}
        assert of_tickets == {name for name in mine if by_id[name].doc_type is DocType.TICKET}
    assert any(by_id[name].doc_type is DocType.TICKET and "=결제팀" in by_id[name].groups for name in everything)


def _files_with(root: Path, text: bytes) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_purging_leaves_nothing_of_what_was_deleted_and_all_that_was_not(indexes: VectorIndexes, tmp_path: Path) -> None:
    rng = random.Random(11)
    gone = [msgspec.structs.replace(point, chunk=msgspec.structs.replace(point.chunk, text="gone-for-good")) for point in points_of(0, rng)]
    kept = [point for number in range(1, 40) for point in points_of(number, rng)]
    index = await indexes.open("acme")
    await index.replace(docs(gone + kept), gone + kept)
    await index.delete([doc(0)])
    await index.purge()
    assert await index.count() == (len(kept), 39)
    for number in (1, 20, 39):
        assert await index.chunks(doc(number)) == [point.chunk for point in kept if point.chunk.document_id == doc(number)]
    found = {one.point.point_id for one in await index.search(question(rng, limit=200))}
    assert set() < found <= {point.point_id for point in kept}
    assert _files_with(tmp_path, b"gone-for-good") == []

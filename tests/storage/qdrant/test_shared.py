"""Many tenants in one collection: nobody reaches another one's points, whatever is handed in, and each moves, switches and goes alone."""

import asyncio
import random
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
import pytest
from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models

from backend.core.errors import AppError, Code
from backend.core.model.search import Filters, Makers, Point
from backend.storage.qdrant.choose import connect
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.collections import COMPANY_FIELD, DENSE, alias_name, shared_name
from backend.storage.qdrant.server import Layout
from tests.contract.vectors import MAKERS, OTHERS, doc, points_of, question
from tests.storage.qdrant.test_server import OneVector
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY, QdrantDouble

COMPANIES = ("acme", "globex")
SHARED = Layout(shared=True)


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, QdrantDouble]]:
    async with doubled() as made:
        yield made


class Opened:
    """Processes over one server, one after the other with other settings."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[ClientIndexes] = []

    def process(self, layout: Layout = SHARED, makers: Makers = MAKERS) -> ClientIndexes:
        self._made.append(ClientIndexes(partial(connect, self._url, KEY), makers, layout))
        return self._made[-1]

    async def close(self) -> None:
        for each in self._made:
            await each.close()


@pytest.fixture
async def opened(server: tuple[str, QdrantDouble]) -> AsyncIterator[Opened]:
    made = Opened(server[0])
    yield made
    await made.close()


def points(company: str, documents: int = 5) -> list[Point]:
    return [point for number in range(documents) for point in points_of(number, random.Random(number), company)]


async def fill(indexes: ClientIndexes) -> None:
    for company in COMPANIES:
        await (await indexes.open(company)).replace([doc(number, company) for number in range(5)], points(company))


async def stored(double: QdrantDouble, makers: Makers = MAKERS) -> dict[str, int]:
    """Whose points lie in the shared collection, counted by the server itself."""
    found = await double.engine.facet(shared_name(makers), COMPANY_FIELD, limit=100, exact=True)
    return {str(hit.value): hit.count for hit in found.hits if hit.count}


async def ranking(indexes: ClientIndexes, company: str) -> list[tuple[str, str, float]]:
    """What is found, its text and its scores, but for the last digits, which hang on how many vectors are multiplied at once."""
    found = await (await indexes.open(company)).search(question(random.Random(1), limit=200))
    return [(one.point.point_id, one.point.chunk.text, round(one.score + (one.sparse_score or 0.0), 5)) for one in found]


async def test_both_lie_in_one_collection_laid_out_by_tenant(server: tuple[str, QdrantDouble], opened: Opened) -> None:
    await fill(opened.process())
    assert await stored(server[1]) == {company: len(points(company)) for company in COMPANIES}
    names = {each.name for each in (await server[1].engine.get_collections()).collections}
    assert names == {shared_name(MAKERS), "desklore__searched"}


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(document_ids=tuple(doc(number, "globex") for number in range(5))),
        Filters(exclude_documents=tuple(doc(number, "acme") for number in range(5))),
        Filters(products=("globex",), tags=("globex",), platforms=("freshdesk", "zendesk", "globex")),
        Filters(statuses=("x", "metadata.company_id", "globex")),
    ],
)
async def test_no_filter_opens_another_tenant_s_points(opened: Opened, filters: Filters) -> None:
    indexes = opened.process()
    await fill(indexes)
    mine = {point.point_id for point in points("acme")}
    for seed in range(3):
        asked = question(random.Random(seed), filters=filters, limit=200)
        found = await (await indexes.open("acme")).search(asked)
        assert {one.point.point_id for one in found} <= mine
        assert {one.point.chunk.document_id for one in found} <= {doc(number, "acme") for number in range(5)}


async def test_ids_and_points_of_another_tenant_reach_nothing(server: tuple[str, QdrantDouble], opened: Opened) -> None:
    indexes = opened.process()
    await fill(indexes)
    acme, theirs = await indexes.open("acme"), [doc(number, "globex") for number in range(5)]
    before = await ranking(indexes, "globex")
    assert await acme.chunks(theirs[0]) == []
    await acme.delete(theirs)
    await acme.replace(theirs, [])
    # Forged: a point with the id and the Document of another tenant's, and another text.
    forged = [
        msgspec.structs.replace(point, chunk=msgspec.structs.replace(point.chunk, text="위조된 글"), title="forged")
        for point in points("globex")
    ]
    await acme.replace(theirs, forged)
    assert await ranking(indexes, "globex") == before
    assert await stored(server[1]) == {"acme": len(points("acme")) + len(forged), "globex": len(points("globex"))}


async def test_how_rare_a_term_is_tells_nothing_of_others(opened: Opened) -> None:
    indexes = opened.process()
    await fill(indexes)
    acme = await indexes.open("acme")
    before = await acme.frequencies(range(40)), await ranking(indexes, "acme")
    for number in range(5, 25):
        await (await indexes.open("globex")).replace([doc(number, "globex")], points_of(number, random.Random(number), "globex"))
    again = opened.process()
    acme = await again.open("acme")
    assert (await acme.frequencies(range(40)), await ranking(again, "acme")) == before


async def test_a_deleted_tenant_leaves_no_point_in_any_collection(server: tuple[str, QdrantDouble], opened: Opened) -> None:
    indexes = opened.process()
    await fill(indexes)
    building = opened.process(makers=OTHERS)
    beside = await building.building("acme")
    assert beside is not None
    await beside.replace([doc(1)], points_of(1, random.Random(1)))
    await building.drop("acme")
    assert await stored(server[1]) == {"globex": len(points("globex"))}
    assert await stored(server[1], OTHERS) == {}
    left = await server[1].engine.scroll("desklore__searched", limit=10, with_payload=True)
    assert [(record.payload or {})["company_id"] for record in left[0]] == ["globex"]
    assert await (await indexes.open("globex")).count() == (len(points("globex")), 5)


async def test_points_that_outlive_a_deletion_are_told(server: tuple[str, QdrantDouble], opened: Opened) -> None:
    indexes = opened.process()
    await fill(indexes)

    async def nothing(*_: Any, **__: Any) -> models.UpdateResult:
        return models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED)

    # A server that says it is done and is not.
    server[1].engine.delete = nothing  # type: ignore[method-assign]  # this test's own server
    with pytest.raises(AppError) as left:
        await indexes.drop("acme")
    assert left.value.code is Code.INDEX_UNAVAILABLE
    assert str(len(points("acme"))) in left.value.message


async def test_one_tenant_moves_between_the_layouts_while_it_is_searched(server: tuple[str, QdrantDouble], opened: Opened) -> None:
    await fill(opened.process(Layout()))
    for layout in (Layout(apart=frozenset({"acme"})), Layout()):
        indexes = opened.process(layout)
        old = await indexes.open("acme")
        beside = await indexes.building("acme")
        assert beside is not None
        assert await indexes.building("globex") is None
        assert await beside.count() == (0, 0)
        assert (await old.count())[1] == 5, "searched until the other one is whole"
        await beside.replace([doc(number) for number in range(5)], points("acme"))
        await indexes.switch("acme")
        await indexes.tidy("acme")
        assert await indexes.building("acme") is None
        for process in (indexes, opened.process(layout)):
            assert await (await process.open("acme")).count() == (len(points("acme")), 5)
            assert await (await process.open("globex")).count() == (len(points("globex")), 5)
        own = any(each.name.startswith("desklore_acme_") for each in (await server[1].engine.get_collections()).collections)
        assert own is not layout.shares("acme")
        assert await stored(server[1]) == ({"acme": len(points("acme"))} if layout.shares("acme") else {})
        assert await server[1].engine.collection_exists(alias_name("acme")) is own


async def test_langchain_reads_a_tenant_s_part_by_a_filter(server: tuple[str, QdrantDouble], opened: Opened) -> None:
    await fill(opened.process())
    wanted = points("acme")[3]

    def read() -> list[Any]:
        client = QdrantClient(url=server[0], headers={"api-key": KEY}, check_compatibility=False)
        store = QdrantVectorStore(client, shared_name(MAKERS), OneVector(list(wanted.dense or ())), vector_name=DENSE)
        mine = models.Filter(must=[models.FieldCondition(key=COMPANY_FIELD, match=models.MatchValue(value="acme"))])
        found = store.similarity_search("비밀번호", k=100, filter=mine)
        client.close()
        return found

    found = await asyncio.to_thread(read)
    assert found[0].metadata["document_id"] == wanted.chunk.document_id
    assert {document.metadata["company_id"] for document in found} == {"acme"}
    assert len(found) == len(points("acme"))

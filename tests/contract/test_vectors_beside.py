"""A second index beside the one that is searched: built in peace, switched to at once, nothing of it left behind."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from backend.core.model.search import Makers, Point
from backend.core.ports.vectors import VectorIndex, VectorIndexes
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.qdrant.server import Layout
from tests.contract.vectors import MAKERS, OTHERS, doc, points_of, question

Restart = Callable[[Makers], Awaitable[VectorIndexes]]
"""Ends what there is and begins anew over the same data with these makers."""


async def _embedded(root: Path) -> AsyncIterator[Restart]:
    opened: list[EdgeIndexes] = []

    async def restart(makers: Makers) -> EdgeIndexes:
        if opened:
            await opened.pop().close()
        opened.append(EdgeIndexes(root / "index", makers))
        return opened[0]

    yield restart
    await opened.pop().close()


async def _client(_: Path) -> AsyncIterator[Restart]:
    from qdrant_client import AsyncQdrantClient

    client = AsyncQdrantClient(":memory:")

    async def restart(makers: Makers) -> ClientIndexes:
        return ClientIndexes(lambda: client, makers)

    yield restart
    await client.close()


async def _shared(_: Path) -> AsyncIterator[Restart]:
    from qdrant_client import AsyncQdrantClient

    client = AsyncQdrantClient(":memory:")

    async def restart(makers: Makers) -> ClientIndexes:
        return ClientIndexes(lambda: client, makers, Layout(shared=True))

    yield restart
    await client.close()


@pytest.fixture(params=[_embedded, _client, _shared])
async def restart(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Restart]:
    async for made in request.param(tmp_path):
        yield made


def _points(number: int) -> list[Point]:
    return points_of(number, random.Random(number))


async def _documents(index: VectorIndex) -> int:
    return (await index.count())[1]


async def test_the_older_one_is_searched_until_the_switch(restart: Restart) -> None:
    indexes = await restart(MAKERS)
    index = await indexes.open("acme")
    assert index.makers == MAKERS == indexes.makers
    assert await indexes.building("acme") is None
    for number in range(4):
        await index.replace([doc(number)], _points(number))
    other = await indexes.open("globex")
    await other.replace([doc(7, "globex")], points_of(7, random.Random(7), "globex"))

    indexes = await restart(OTHERS)
    searched, building = await indexes.open("acme"), await indexes.building("acme")
    assert building is not None
    assert (searched.makers, building.makers) == (MAKERS, OTHERS)
    await building.replace([doc(0), doc(1)], [*_points(0), *_points(1)])
    assert (await _documents(searched), await _documents(building)) == (4, 2)
    assert len(await searched.search(question(random.Random(2), limit=50))) > 4
    before = await searched.version()
    # What goes has to go from both; what changes is written to each by its own makers.
    await searched.delete([doc(1)])
    assert (await _documents(searched), await _documents(building)) == (3, 1)
    assert await searched.version() != before

    # Killed and started again half-way: it goes on where it was.
    indexes = await restart(OTHERS)
    await indexes.tidy("acme")
    building = await indexes.building("acme")
    assert building is not None
    assert await _documents(building) == 1
    for number in (2, 3):
        await building.replace([doc(number)], _points(number))
    for _ in range(2):
        await indexes.switch("acme")
    searched = await indexes.open("acme")
    assert (searched.makers, await _documents(searched)) == (OTHERS, 3)
    assert await indexes.building("acme") is None
    assert (await (await indexes.open("globex")).count())[1] == 1
    assert (await indexes.open("globex")).makers == MAKERS

    await indexes.tidy("acme")
    indexes = await restart(MAKERS)
    again = await indexes.building("acme")
    assert again is not None
    assert await _documents(again) == 0, "the older one was deleted"


async def test_one_that_was_begun_and_given_up_is_tidied_away(restart: Restart) -> None:
    indexes = await restart(MAKERS)
    await (await indexes.open("acme")).replace([doc(1)], _points(1))
    indexes = await restart(OTHERS)
    building = await indexes.building("acme")
    assert building is not None
    await building.replace([doc(1)], _points(1))
    indexes = await restart(MAKERS)
    assert await indexes.building("acme") is None
    await indexes.tidy("acme")
    assert await _documents(await indexes.open("acme")) == 1
    indexes = await restart(OTHERS)
    building = await indexes.building("acme")
    assert building is not None
    assert await _documents(building) == 0


async def test_dropping_a_tenant_drops_both(restart: Restart) -> None:
    indexes = await restart(MAKERS)
    await (await indexes.open("acme")).replace([doc(1)], _points(1))
    indexes = await restart(OTHERS)
    building = await indexes.building("acme")
    assert building is not None
    await building.replace([doc(1)], _points(1))
    await indexes.drop("acme")
    for makers in (MAKERS, OTHERS):
        indexes = await restart(makers)
        index = await indexes.open("acme")
        assert await _documents(index) == 0
        await indexes.drop("acme")

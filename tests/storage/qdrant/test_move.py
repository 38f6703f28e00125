"""An index is moved with its vectors: to a server, into a shared collection and back, interrupted, two companies never mixed."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backend.core.errors import AppError, Code
from backend.core.model.search import Makers, Point
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.qdrant.move import WholeIndexes, move_index
from backend.storage.qdrant.server import Layout
from tests.contract.vectors import MAKERS, OTHERS, doc, points_of, question
from tests.support.qdrant import Connect, qdrant

DOCUMENTS = 70
Opened = EdgeIndexes | ClientIndexes


class StopHereError(Exception):
    """What an interruption looks like."""


@asynccontextmanager
async def embedded(root: Path, makers: Makers = MAKERS) -> AsyncIterator[EdgeIndexes]:
    made = EdgeIndexes(root / "index", makers)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def on_server(connect: Connect, *, shared: bool, makers: Makers = MAKERS) -> AsyncIterator[ClientIndexes]:
    made = ClientIndexes(connect, makers, Layout(shared=shared))
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    async with qdrant(real=False) as reach:
        yield reach


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[EdgeIndexes]:
    """Two companies with the same tickets' numbers."""
    async with embedded(tmp_path) as indexes:
        for company in ("acme", "globex"):
            rng = random.Random(company)
            points = [point for number in range(DOCUMENTS) for point in points_of(number, rng, company)]
            await (await indexes.open(company)).replace((), points)
        yield indexes


async def seen(indexes: WholeIndexes, company: str) -> list[Any]:
    """What questions find, to the last rank."""
    index = await indexes.open(company)
    rng = random.Random(7)
    found = [await index.search(question(rng, limit=20)) for _ in range(4)]
    return [[(one.point.point_id, one.point.chunk, round(one.score, 5)) for one in each] for each in found]


@pytest.mark.parametrize("shared", [False, True])
async def test_a_server_finds_what_the_folder_found(source: EdgeIndexes, connect: Connect, *, shared: bool) -> None:
    before = {company: await seen(source, company) for company in ("acme", "globex")}
    async with on_server(connect, shared=shared) as target:
        assert await target.makers_of("acme") is None
        for company in ("acme", "globex"):
            moved = await move_index(company, source, target)
            assert (moved.documents, moved.written, moved.deleted) == (DOCUMENTS, DOCUMENTS, 0)
            assert moved.points == (await (await source.open(company)).count())[0]
            assert (await move_index(company, source, target)).written == 0, "it is there already"
        for company, wanted in before.items():
            assert await seen(target, company) == wanted
        assert {point.chunk.document_id for point in await whole(target, "acme")} == {doc(number) for number in range(DOCUMENTS)}
    assert {company: await seen(source, company) for company in before} == before, "nothing is taken away where it was"


async def whole(indexes: WholeIndexes, company: str) -> list[Point]:
    index = await indexes.open(company)
    return await index.whole(await index.documents())


async def test_it_may_be_interrupted_and_the_source_may_have_changed_since(source: EdgeIndexes, connect: Connect) -> None:
    async with on_server(connect, shared=True) as target:
        for _ in range(2):
            with pytest.raises(StopHereError):
                await move_index("acme", source, stopping(target, after=1))
        acme = await source.open("acme")
        copied = await (await target.open("acme")).documents()
        assert 0 < len(copied) < DOCUMENTS
        gone = next(each for each in copied if each != doc(2))
        await acme.delete([gone])
        await acme.replace([doc(2)], [replace(point, title="다른 제목") for point in points_of(2, random.Random(99))])
        moved = await move_index("acme", source, target)
        assert moved.deleted == 1
        assert 0 < moved.written < DOCUMENTS, "what is there already is left as it is"
        # Not their ranks: the embedded engine's term statistics lag behind deletions.
        assert {point.point_id for point in await whole(target, "acme")} == {point.point_id for point in await whole(source, "acme")}
        there = await (await target.open("acme")).whole([doc(2)])
        assert {point.title for point in there} == {"다른 제목"}
        assert await target.makers_of("globex") is None


async def test_back_into_the_folder_with_vectors_of_other_makers_beside(source: EdgeIndexes, connect: Connect, tmp_path: Path) -> None:
    async with on_server(connect, shared=False) as server:
        await move_index("acme", source, server)
        async with embedded(tmp_path / "new", OTHERS) as older:
            await (await older.open("acme")).replace([doc(500)], points_of(500, random.Random(1)))
        async with embedded(tmp_path / "new") as target:
            assert await target.makers_of("acme") == OTHERS
            await move_index("acme", server, target)
            assert await target.makers_of("acme") == MAKERS
            assert await seen(target, "acme") == await seen(source, "acme")
            dense = {point.point_id: point.dense for point in await whole(target, "acme")}
            wanted = {point.point_id: point.dense for point in await whole(source, "acme")}
            assert dense.keys() == wanted.keys()
            for point_id, vector in dense.items():
                assert vector == pytest.approx(wanted[point_id], abs=1e-6)


async def test_what_does_not_add_up_is_not_searched(source: EdgeIndexes, connect: Connect) -> None:
    async with on_server(connect, shared=False, makers=OTHERS) as older:
        await (await older.open("acme")).replace([doc(1)], points_of(1, random.Random(1)))
    acme = await source.open("acme")

    async def growing(index: Any, document_ids: Collection[str], points: Sequence[Point]) -> None:
        await index.replace(document_ids, points)
        await acme.replace([doc(900)], points_of(900, random.Random(1)))

    async with on_server(connect, shared=False) as target:
        for write, words in ((losing, "read back otherwise"), (growing, "documents here and")):
            with pytest.raises(AppError, match=words) as told:
                await move_index("acme", source, _Around(target, write))
            assert told.value.code is Code.INDEX_UNAVAILABLE
        assert await target.makers_of("acme") == OTHERS, "the older one is searched as before"


class _Around:
    """Indexes whose writes are watched."""

    def __init__(self, behind: ClientIndexes, write: Callable[..., Awaitable[None]]) -> None:
        self._behind = behind
        self._write = write
        self.makers_of, self.switch = behind.makers_of, behind.switch

    async def open(self, company_id: str) -> Any:
        return self._watched(await self._behind.open(company_id))

    async def building(self, company_id: str) -> Any:
        found = await self._behind.building(company_id)
        return None if found is None else self._watched(found)

    def _watched(self, index: Any) -> Any:
        class Watched:
            def __getattr__(_, name: str) -> Any:  # noqa: N805 - what is looked up is the index's
                return getattr(index, name)

            async def replace(_, document_ids: Collection[str], points: Sequence[Point]) -> None:  # noqa: N805 - as above
                await self._write(index, document_ids, points)

        return Watched()


def stopping(target: ClientIndexes, *, after: int) -> Any:
    """Interrupted at a write, so many times it went well."""
    left = [after]

    async def write(index: Any, document_ids: Collection[str], points: Sequence[Point]) -> None:
        if not left[0]:
            raise StopHereError
        left[0] -= 1
        await index.replace(document_ids, points)

    return _Around(target, write)


async def losing(index: Any, document_ids: Collection[str], points: Sequence[Point]) -> None:
    """A place that loses a point of each lot."""
    await index.replace(document_ids, points[1:])

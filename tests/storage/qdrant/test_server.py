"""An index on a Qdrant server: its failures are told, it comes back by itself, and other programs can read it."""

import asyncio
import random
from functools import partial
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from backend.core.errors import AppError, Code
from backend.storage.qdrant.choose import connect
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.collections import DENSE, alias_name
from tests.contract.vectors import DIMENSION, MAKERS, doc, points_of, question
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY


class OneVector(Embeddings):
    """Embeds every text as the same vector."""

    def __init__(self, vector: list[float]) -> None:
        self._vector = vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._vector for _ in texts]

    def embed_query(self, text: str) -> list[float]:  # noqa: ARG002 - the same for every text
        return self._vector


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_server_in_trouble_is_told_and_comes_back(status: int) -> None:
    async with doubled() as (url, double):
        indexes = ClientIndexes(partial(connect, url, KEY), MAKERS)
        index = await indexes.open("acme")
        await index.replace([doc(1)], points_of(1, random.Random(1)))
        double.fail_with = status
        with pytest.raises(AppError) as caught:
            await index.search(question(random.Random(2)))
        assert caught.value.code is Code.INDEX_UNAVAILABLE
        double.fail_with = None
        assert await index.search(question(random.Random(2)))
        await indexes.close()


async def test_a_wrong_key_is_told_and_not_repeated() -> None:
    async with doubled() as (url, _):
        indexes = ClientIndexes(partial(connect, url, "another-secret-key"), MAKERS)
        with pytest.raises(AppError) as caught:
            await indexes.open("acme")
        assert caught.value.code is Code.INDEX_UNAVAILABLE
        assert "another-secret-key" not in caught.value.message
        await indexes.close()


async def test_nobody_there_is_told() -> None:
    indexes = ClientIndexes(partial(connect, "http://127.0.0.1:9", None), MAKERS)
    with pytest.raises(AppError) as caught:
        await indexes.open("acme")
    assert caught.value.code is Code.INDEX_UNAVAILABLE
    await indexes.close()


async def test_what_the_server_says_is_not_for_callers() -> None:
    async with doubled() as (url, server):
        indexes = ClientIndexes(partial(connect, url, KEY), MAKERS)
        server.fail_with = 500
        with pytest.raises(AppError) as caught:
            await indexes.open("acme")
        assert caught.value.message == "The Qdrant server answers HTTP 500; ask again in a moment."
        await indexes.close()


async def test_two_processes_see_the_switch_of_either() -> None:
    async with doubled() as (url, _):
        here = ClientIndexes(partial(connect, url, KEY), MAKERS)
        there = ClientIndexes(partial(connect, url, KEY), MAKERS)
        await (await here.open("acme")).replace([doc(1)], points_of(1, random.Random(1)))
        assert (await (await there.open("acme")).count())[1] == 1
        assert (await (await there.open("bravo")).count()) == (0, 0)
        await here.close()
        await there.close()


async def test_langchain_reads_the_index_as_it_lies() -> None:
    async with doubled() as (url, _):
        indexes = ClientIndexes(partial(connect, url, KEY), MAKERS)
        points = [point for number in range(6) for point in points_of(number, random.Random(number))]
        await (await indexes.open("acme")).replace({point.chunk.document_id for point in points}, points)
        wanted = points[3]
        assert wanted.dense is not None

        def read() -> list[Any]:
            client = QdrantClient(url=url, headers={"api-key": KEY}, check_compatibility=False)
            store = QdrantVectorStore(client, alias_name("acme"), OneVector(list(wanted.dense or ())), vector_name=DENSE)
            found = store.similarity_search("비밀번호", k=3)
            client.close()
            return found

        first, *others = await asyncio.to_thread(read)
        assert len(wanted.dense) == DIMENSION
        assert first.page_content == wanted.chunk.text
        assert first.metadata["document_id"] == wanted.chunk.document_id
        assert first.metadata["title"] == wanted.title
        assert len(others) == 2
        await indexes.close()

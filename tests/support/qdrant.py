"""A Qdrant to connect to over HTTP: the double, or the real one of QDRANT_URL."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from qdrant_client import AsyncQdrantClient

from backend.storage.qdrant.choose import connect
from tests.support.qdrant_server import KEY, QdrantDouble
from tests.support.served import served

Connect = Callable[[], AsyncQdrantClient]


@contextlib.asynccontextmanager
async def qdrant(*, real: bool) -> AsyncIterator[Connect]:
    """How to connect; a real one is emptied of our collections before and after."""
    if not real:
        async with doubled() as (url, _):
            yield partial(connect, url, KEY)
        return
    address = os.environ.get("QDRANT_URL")
    if not address:
        pytest.skip("set QDRANT_URL to a Qdrant server without data you need, and this runs against it")
    reach: Connect = partial(connect, address, os.environ.get("QDRANT_API_KEY"))
    await _empty(reach)
    yield reach
    await _empty(reach)


@contextlib.asynccontextmanager
async def doubled() -> AsyncIterator[tuple[str, QdrantDouble]]:
    """The double, and its address."""
    double = QdrantDouble()
    async with served(double.app) as url:
        yield url, double
    await double.engine.close()


async def _empty(reach: Connect) -> None:
    client = reach()
    for collection in (await client.get_collections()).collections:
        if collection.name.startswith("desklore_"):
            await client.delete_collection(collection.name)
    await client.close()

"""What every cache must do: by tenant, for their time, gone at any moment."""

from collections.abc import AsyncIterator

import pytest

from backend.core.ports.cache import Caches
from backend.storage.inprocess.cache import InProcessCaches
from backend.storage.redis.cache import RedisCaches
from tests.servers.redis import own_server


@pytest.fixture(params=("inprocess", "redis"))
async def caches(request: pytest.FixtureRequest) -> AsyncIterator[Caches]:
    if request.param == "inprocess":
        yield InProcessCaches()
        return
    made = RedisCaches(request.getfixturevalue("redis_url"))
    yield made
    await made.close()


async def test_tenants_have_their_own(caches: Caches) -> None:
    await caches.open("acme").put("brief", "안녕".encode(), 60)
    assert await caches.open("acme").get("brief") == "안녕".encode()
    assert await caches.open("bravo").get("brief") is None
    await caches.open("bravo").put("brief", b"b", 60)
    await caches.drop("acme")
    assert await caches.open("acme").get("brief") is None
    assert await caches.open("bravo").get("brief") == b"b"


async def test_what_is_too_old_is_gone(caches: Caches) -> None:
    cache = caches.open("acme")
    await cache.put("brief", b"a", 0)
    assert await cache.get("brief") is None


async def test_a_later_one_replaces_the_one_before(caches: Caches) -> None:
    cache = caches.open("acme")
    await cache.put("brief", b"a", 60)
    await cache.put("brief", b"b", 60)
    assert await cache.get("brief") == b"b"


async def test_while_redis_is_away_nothing_is_found_and_nobody_waits() -> None:
    with own_server() as server:
        caches = RedisCaches(server.url())
        cache = caches.open("acme")
        await cache.put("brief", b"a", 60)
        server.kill()
        assert await cache.get("brief") is None
        assert not caches.here
        await cache.put("brief", b"b", 60)
        await caches.drop("acme")
        await caches.close()

"""What every cache must do: by tenant, for their time, gone at any moment."""

import asyncio
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
        assert not caches.reach.asks()
        await cache.put("brief", b"b", 60)
        await caches.drop("acme")
        await caches.close()


async def test_what_happened_first_is_noted_by_tenant(caches: Caches) -> None:
    acme, bravo = caches.open("acme"), caches.open("bravo")
    assert await acme.first("signed/1", 60)
    assert not await acme.first("signed/1", 60)
    assert await bravo.first("signed/1", 60)
    assert await acme.first("signed/2", 60)


async def test_of_many_at_once_one_is_first(caches: Caches) -> None:
    found = await asyncio.gather(*(caches.open("acme").first("signed/3", 60) for _ in range(20)))
    assert sum(found) == 1


async def test_processes_share_what_happened(redis_url: str) -> None:
    one, two = RedisCaches(redis_url), RedisCaches(redis_url)
    assert await one.open("acme").first("signed/4", 60)
    assert not await two.open("acme").first("signed/4", 60)
    assert one.since is None
    assert InProcessCaches().since is not None
    await one.close()
    await two.close()


async def test_keeping_much_forgets_nothing_of_what_happened() -> None:
    caches = InProcessCaches(max_bytes=1_000)
    assert await caches.open("acme").first("signed/5", 60)
    for number in range(20):
        await caches.open("acme").put(f"brief/{number}", bytes(500), 60)
    assert not await caches.open("acme").first("signed/5", 60)


async def test_while_redis_is_away_each_process_remembers_for_itself() -> None:
    with own_server() as server:
        caches = RedisCaches(server.url())
        server.kill()
        assert await caches.open("acme").first("signed/6", 60)
        assert not await caches.open("acme").first("signed/6", 60)
        await caches.close()

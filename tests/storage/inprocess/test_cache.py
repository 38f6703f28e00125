"""Results kept in memory: within a budget of bytes."""

from backend.storage.inprocess.cache import InProcessCaches


async def test_what_was_used_longest_ago_makes_room() -> None:
    cache = InProcessCaches(3_000).open("acme")
    for key in ("a", "b"):
        await cache.put(key, bytes(1_000), 60)
    assert await cache.get("a") is not None
    await cache.put("c", bytes(1_000), 60)
    assert [await cache.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    await cache.put("huge", bytes(10_000), 60)
    assert await cache.get("huge") is None
    await cache.put("a", b"again", 60)
    assert await cache.get("a") == b"again"

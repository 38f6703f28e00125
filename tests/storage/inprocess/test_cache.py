"""Kept results: by tenant, for their time, within a budget."""

from backend.storage.inprocess.cache import InProcessCaches


def test_tenants_have_their_own() -> None:
    caches = InProcessCaches()
    caches.open("acme").put("brief", "안녕".encode(), 60)
    assert caches.open("acme").get("brief") == "안녕".encode()
    assert caches.open("bravo").get("brief") is None
    caches.open("bravo").put("brief", b"b", 60)
    caches.drop("acme")
    assert caches.open("acme").get("brief") is None
    assert caches.open("bravo").get("brief") == b"b"


def test_what_is_too_old_is_gone() -> None:
    cache = InProcessCaches().open("acme")
    cache.put("brief", b"a", 0)
    assert cache.get("brief") is None


def test_what_was_used_longest_ago_makes_room() -> None:
    cache = InProcessCaches(3_000).open("acme")
    for key in ("a", "b"):
        cache.put(key, bytes(1_000), 60)
    assert cache.get("a") is not None
    cache.put("c", bytes(1_000), 60)
    assert [cache.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    cache.put("huge", bytes(10_000), 60)
    assert cache.get("huge") is None
    cache.put("a", b"again", 60)
    assert cache.get("a") == b"again"

"""Look-ups of kept results are counted by what is kept, and name no company."""

from backend.core.ports.counted import CountedCache, count_lookups
from backend.observability.metrics import METRICS, PrometheusMeter
from backend.storage.inprocess.cache import InProcessCaches


def _told(meter: PrometheusMeter, outcome: str, cache: str = "question") -> float | None:
    return meter.registry.get_sample_value("desklore_cache_lookups_total", {"cache": cache, "outcome": outcome})


async def test_hits_and_misses_of_all_companies_are_one_count() -> None:
    meter, caches = PrometheusMeter(), InProcessCaches()
    acme, bravo = (CountedCache(caches.open(company), meter, "question") for company in ("acme", "bravo"))
    await acme.put("환불", b"vector", 60)
    assert (await acme.get("환불"), await bravo.get("환불")) == (b"vector", None)
    assert await acme.get("refund") is None
    assert (_told(meter, "hit"), _told(meter, "miss")) == (1, 2)
    assert METRICS["cache_lookups"].labels == ("cache", "outcome")
    assert "acme" not in meter.render()[0].decode()


async def test_what_is_noted_is_no_look_up() -> None:
    meter, caches = PrometheusMeter(), InProcessCaches()
    kept = CountedCache(caches.open("acme"), meter, "login")
    assert (await kept.first("nonce", 60), await kept.first("nonce", 60)) == (True, False)
    assert _told(meter, "hit", "login") is None


def test_a_lot_is_counted_at_once() -> None:
    meter = PrometheusMeter()
    count_lookups(meter, "vector", 10, 7)
    assert (_told(meter, "hit", "vector"), _told(meter, "miss", "vector")) == (7, 3)

"""A tenant's kept results, with every look-up counted."""

from dataclasses import dataclass

from backend.core.ports.cache import Cache
from backend.core.ports.meter import Meter


@dataclass(frozen=True, slots=True)
class CountedCache:
    """A Cache that tells how often it had what it was asked for; which of the caches it is, is a name without a tenant's."""

    inner: Cache
    meter: Meter
    name: str

    async def get(self, key: str) -> bytes | None:
        """What was kept under this key; None where nothing was, or it is too old."""
        found = await self.inner.get(key)
        count_lookups(self.meter, self.name, 1, 0 if found is None else 1)
        return found

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for at most so long."""
        await self.inner.put(key, value, seconds)

    async def first(self, key: str, seconds: float) -> bool:
        """Note that this happened; no look-up of a result."""
        return await self.inner.first(key, seconds)


def count_lookups(meter: Meter, cache: str, asked: int, found: int) -> None:
    """Count what a cache was asked for and had, and what it had not."""
    meter.count("cache_lookups", found, cache=cache, outcome="hit")
    meter.count("cache_lookups", asked - found, cache=cache, outcome="miss")

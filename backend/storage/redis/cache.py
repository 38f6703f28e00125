"""Results kept in Redis, for all processes. Redis lets go of the oldest where it is short of memory (`allkeys-lru`)."""

import time
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.storage.noted import Noted
from backend.storage.redis.connection import key, open_pool

_AWAY_SECONDS: Final = 2.0
"""So long Redis is not asked again once it did not answer: a cache must not make anybody wait."""


class RedisCaches:
    """The caches of all tenants; while Redis is away nothing is found and nothing kept."""

    def __init__(self, url: str) -> None:
        self.client: Redis = Redis(connection_pool=open_pool(url))
        self._asked_from = 0.0
        self.noted = Noted()

    @property
    def since(self) -> None:
        """It outlives its processes."""

    def open(self, company_id: str) -> "RedisCache":
        """The tenant's cache."""
        return RedisCache(company_id, self)

    async def drop(self, company_id: str) -> None:
        """Forget everything of the tenant."""
        try:
            async for found in self.client.scan_iter(match=f"{key(company_id, 'cache')}:*", count=500):
                await self.client.unlink(found)
        except (RedisError, OSError):
            self.went()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.aclose(close_connection_pool=True)

    @property
    def here(self) -> bool:
        """Whether it makes sense to ask."""
        return time.monotonic() >= self._asked_from

    def went(self) -> None:
        """It did not answer."""
        self._asked_from = time.monotonic() + _AWAY_SECONDS


class RedisCache:
    """One tenant's part; see the port."""

    def __init__(self, company_id: str, caches: RedisCaches) -> None:
        self._company_id = company_id
        self._caches = caches

    async def get(self, key: str) -> bytes | None:
        """What was kept under this key."""
        if not self._caches.here:
            return None
        try:
            found: bytes | None = await self._caches.client.get(self._key(key))
        except (RedisError, OSError):
            self._caches.went()
            return None
        return found

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for at most so long."""
        if seconds <= 0 or not self._caches.here:
            return
        try:
            await self._caches.client.set(self._key(key), value, px=max(1, int(seconds * 1000)))
        except (RedisError, OSError):
            self._caches.went()

    async def first(self, key: str, seconds: float) -> bool:
        """Whether it was not noted yet, here or elsewhere."""
        if not self._caches.noted.first(self._company_id, key, seconds):
            return False
        if not self._caches.here:
            return True
        try:
            return bool(await self._caches.client.set(self._key(key), b"", px=max(1, int(seconds * 1000)), nx=True))
        except (RedisError, OSError):
            self._caches.went()
            return True

    def _key(self, name: str) -> str:
        return key(self._company_id, "cache", name)

"""Results kept in Redis, for all processes. Redis lets go of the oldest where it is short of memory (`allkeys-lru`)."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.storage.noted import Noted
from backend.storage.redis.connection import Reach, key, open_pool


class RedisCaches:
    """The caches of all tenants; while Redis is away nothing is found and nothing kept."""

    def __init__(self, url: str) -> None:
        self.client: Redis = Redis(connection_pool=open_pool(url))
        self.reach = Reach()
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
            self.reach.failed()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.aclose(close_connection_pool=True)


class RedisCache:
    """One tenant's part; see the port."""

    def __init__(self, company_id: str, caches: RedisCaches) -> None:
        self._company_id = company_id
        self._caches = caches

    async def get(self, key: str) -> bytes | None:
        """What was kept under this key."""
        if not self._caches.reach.asks():
            return None
        try:
            found: bytes | None = await self._caches.client.get(self._key(key))
        except (RedisError, OSError):
            self._caches.reach.failed()
            return None
        self._caches.reach.answered()
        return found

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for at most so long."""
        if seconds <= 0 or not self._caches.reach.asks():
            return
        try:
            await self._caches.client.set(self._key(key), value, px=max(1, int(seconds * 1000)))
        except (RedisError, OSError):
            self._caches.reach.failed()
        else:
            self._caches.reach.answered()

    async def first(self, key: str, seconds: float) -> bool:
        """Whether it was not noted yet, here or elsewhere."""
        if not self._caches.noted.first(self._company_id, key, seconds):
            return False
        if not self._caches.reach.asks():
            return True
        try:
            fresh = bool(await self._caches.client.set(self._key(key), b"", px=max(1, int(seconds * 1000)), nx=True))
        except (RedisError, OSError):
            self._caches.reach.failed()
            return True
        self._caches.reach.answered()
        return fresh

    def _key(self, name: str) -> str:
        return key(self._company_id, "cache", name)

"""Rate limits of the API, counted by the library `limits` in memory or in Redis (https://limits.readthedocs.io)."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from backend.core.ports.rates import RateScope

log = structlog.get_logger(__name__)


class LimitedRates:
    """Sliding windows. While Redis is away each process counts for itself, so that a flood is still held up."""

    def __init__(self, limits: Mapping[RateScope, str], url: str | None = None) -> None:
        self._items: dict[RateScope, RateLimitItem] = {scope: parse(limit) for scope, limit in limits.items() if limit}
        self._memory = MemoryStorage()
        self._local = SlidingWindowCounterRateLimiter(self._memory)
        self._pool: Any = None
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._reach: Any = None
        self._failures: tuple[type[Exception], ...] = (OSError,)
        if url is not None:
            # Loaded where there is a Redis: the embedded mode never needs it.
            from redis.exceptions import RedisError  # noqa: PLC0415

            from backend.storage.redis.connection import PREFIX, Reach, open_pool  # noqa: PLC0415

            self._failures = (RedisError, OSError)
            self._pool = open_pool(url)
            options: dict[str, Any] = {"connection_pool": self._pool}
            storage = RedisStorage("async+redis://", implementation="redispy", key_prefix=f"{PREFIX}:rates", **options)
            self._shared = SlidingWindowCounterRateLimiter(storage)
            self._reach = Reach()

    async def take(self, scope: RateScope, *names: str) -> float | None:
        """Count one; see the port."""
        item = self._items.get(scope)
        if item is None:
            return None
        if self._shared is not None and self._reach.asks():
            try:
                taken = await _take(self._shared, item, (*names, scope.value))
            except self._failures as error:
                self._reach.failed()
                log.warning("rates_away", reason=type(error).__name__)
            else:
                self._reach.answered()
                return taken
        return await _take(self._local, item, (*names, scope.value))

    async def close(self) -> None:
        """Let go of the connections."""
        if self._memory.timer is not None:
            await self._memory.timer
        if self._pool is not None:
            await self._pool.disconnect()


async def _take(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, names: tuple[str, ...]) -> float | None:
    if await limiter.hit(item, *names):
        return None
    stats = await limiter.get_window_stats(item, *names)
    return max(1.0, stats.reset_time - time.time())

"""The connection to Redis, and its failures as ours."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis.asyncio.connection import BlockingConnectionPool
from redis.exceptions import RedisError

from backend.core.errors import AppError, Code

PREFIX: Final = "desklore"
"""What our keys begin with; those of a tenant go on with its company_id. ARQ's own begin with `arq:` and go on with it."""
_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 5.0
_CONNECTIONS: Final = 32
AWAY_SECONDS: Final = _ANSWER_SECONDS + 2.0
"""So long Redis is left alone: a call that waits for one that hangs takes most of it."""


def key(company_id: str, *parts: str) -> str:
    """The key of something of a tenant."""
    return ":".join((PREFIX, company_id, *parts))


def open_pool(url: str, most: int = _CONNECTIONS) -> BlockingConnectionPool:
    """Connections to `redis://`, `rediss://` or `unix://`; nothing is called yet. Raises AppError where that is no address."""
    options: dict[str, Any] = {"max_connections": most, "timeout": _ANSWER_SECONDS, "socket_timeout": _ANSWER_SECONDS}
    if not url.startswith("unix://"):
        options["socket_connect_timeout"] = _CONNECT_SECONDS
    try:
        return BlockingConnectionPool.from_url(url, **options)
    except ValueError as error:
        raise AppError(Code.INVALID_REQUEST, f"DESKLORE_REDIS_URL: {error} (see docs/settings.md).") from None


class Reach:
    """Whether it makes sense to ask Redis. Once it did not answer, one call in some seconds finds out, and nobody else waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers = True
        self._asked_from = 0.0

    def asks(self) -> bool:
        """Whether this call is to be sent; whoever sends it tells how it went."""
        now = self._clock()
        if not self._answers:
            if now < self._asked_from:
                return False
            self._asked_from = now + AWAY_SECONDS
        return True

    def answered(self) -> None:
        """Everybody asks again."""
        self._answers = True

    def failed(self) -> None:
        """Nobody asks for a while."""
        self._answers = False
        self._asked_from = self._clock() + AWAY_SECONDS


@contextmanager
def translated() -> Iterator[None]:
    """A failure of Redis as SHARED_STATE_UNAVAILABLE, which passes by itself."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise unavailable() from error


def unavailable() -> AppError:
    """Redis can't be reached."""
    return AppError(Code.SHARED_STATE_UNAVAILABLE, "Redis can't be reached. What waits goes on by itself when it is back.", retry_after=5.0)

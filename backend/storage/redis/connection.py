"""The connection to Redis, and its failures as ours."""

from collections.abc import Iterator
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

"""Work under way in any process: whoever wants the same waits for the one that began it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

import msgspec
import structlog
from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.core.errors import AppError, Code
from backend.core.ports.flights import Flights
from backend.storage.redis.connection import Reach, key, open_pool

log = structlog.get_logger(__name__)
T = TypeVar("T")
RESULT_SECONDS: Final = 60.0
"""So long a result waits for somebody who polls."""
LEASE_SECONDS: Final = 10.0
"""Work whose process gives no sign of life for so long is begun anew by the next who wants it."""
_LOOK_SECONDS: Final = 0.05
_GIVEN_MS: Final = 2_000
_OURS: Final = 1
_LANDED: Final = 2

_LAND: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'token', ARGV[1], 'data', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
"""
_LEAVE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_GIVE: Final = "if redis.call('HSET', KEYS[2], 'given', '1') == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[1]) end"
_TAKE: Final = """
local landed = redis.call('HMGET', KEYS[2], 'token', 'data', 'given')
if landed[1] and (not landed[3] or landed[1] == ARGV[3]) then
  redis.call('HSET', KEYS[2], 'given', '1')
  if redis.call('PTTL', KEYS[2]) > 2000 then redis.call('PEXPIRE', KEYS[2], 2000) end
  return {2, landed[2]}
end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {1, ARGV[1]} end
return {0, redis.call('GET', KEYS[1])}
"""
"""ARGV: a token to begin with, the lease, the token of the work that the caller waits for already.

2: the result that waited; it stays for a moment for others who wait for the same. 1: ours to begin. 0: under way, with its token.
"""


class LocalFlights(Flights, Protocol):
    """What is joined in this process only."""

    async def close(self) -> None:
        """End what is under way."""
        ...


class Landed(Struct, kw_only=True):
    """How work ended: with a value, or with an error as a code and a message."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    code: str = ""
    message: str = ""
    retry_after: float | None = None


class RedisFlights:
    """Work by tenant and key in all processes. Without `kind`, and while Redis is away, only this process's work is joined."""

    def __init__(
        self, url: str, local: LocalFlights, *, lease_seconds: float = LEASE_SECONDS, result_seconds: float = RESULT_SECONDS
    ) -> None:
        self._redis: Redis = Redis(connection_pool=open_pool(url))
        self._local = local
        self._lease = int(lease_seconds * 1000)
        self._result = max(1, int(result_seconds * 1000))
        register = self._redis.register_script
        self._take, self._land, self._leave = register(_TAKE), register(_LAND), register(_LEAVE)
        self._give = register(_GIVE)
        self._tasks: set[asyncio.Task[bytes]] = set()
        self._reach = Reach()

    async def join(
        self, company_id: str, key: str, work: Callable[[], Awaitable[T]], seconds: float, *, kind: type[T] | None = None
    ) -> T | None:
        """The result, or None where it takes longer than `seconds`."""
        if kind is None:
            return await self._local.join(company_id, key, work, seconds)
        names = _names(company_id, key)
        loop = asyncio.get_running_loop()
        until, seen = loop.time() + seconds, b""
        while True:
            if not self._reach.asks():
                return await self._local.join(company_id, key, work, seconds)
            try:
                state, data = await self._take(keys=names, args=[secrets.token_hex(8), self._lease, seen])
            except (RedisError, OSError):
                self._reach.failed()
                return await self._local.join(company_id, key, work, seconds)
            self._reach.answered()
            if state == _LANDED:
                return _opened(data, kind)
            seen = data
            if state == _OURS:
                own = self._begin(names, data, work)
                # Whoever waits may go away; the work is not theirs alone.
                await asyncio.wait({own}, timeout=max(0.0, until - loop.time()))
                if own.done() and not own.cancelled():
                    await self._given(names)
                    return _opened(own.result(), kind)
            left = until - loop.time()
            if left <= 0:
                return None
            await asyncio.sleep(min(_LOOK_SECONDS, left))

    async def close(self) -> None:
        """End what is under way here."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._local.close()
        await self._redis.aclose(close_connection_pool=True)

    def _begin(self, names: list[str], token: bytes, work: Callable[[], Awaitable[T]]) -> asyncio.Task[bytes]:
        task = asyncio.create_task(self._fly(names, token, asyncio.ensure_future(_done(work))))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _fly(self, names: list[str], token: bytes, doing: asyncio.Task[T]) -> bytes:
        """See the work through, tell that it lives, and leave its result."""
        try:
            while not (await asyncio.wait({doing}, timeout=self._lease / 3000))[0]:
                await self._tell(self._redis.pexpire(names[0], self._lease))
        except asyncio.CancelledError:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            await self._tell(self._leave(keys=names, args=[token]))
            raise
        error = None if doing.cancelled() else doing.exception()
        if isinstance(error, AppError):
            landed = Landed(code=error.code.value, message=error.message, retry_after=error.retry_after)
        elif error is not None or doing.cancelled():
            log.error("flight_failed", exc_info=error)
            landed = Landed(code=Code.INTERNAL.value)
        else:
            landed = Landed(value=msgspec.Raw(msgspec.json.encode(doing.result())))
        data = msgspec.json.encode(landed)
        await self._tell(self._land(keys=names, args=[token, data, self._result]))
        return data

    async def _given(self, names: list[str]) -> None:
        """Who began it has the result; only those who wait for it now may have it too."""
        await self._tell(self._give(keys=names, args=[_GIVEN_MS]))

    @staticmethod
    async def _tell(told: Awaitable[object]) -> None:
        try:
            await told
        except (RedisError, OSError):
            # Whoever waits begins anew when the lease has run out.
            return


def _names(company_id: str, name: str) -> list[str]:
    return [key(company_id, "flight", name), key(company_id, "landed", name)]


def _opened(data: bytes, kind: type[T]) -> T:
    landed = msgspec.json.decode(data, type=Landed)
    if landed.code:
        raise AppError(Code(landed.code), landed.message or None, retry_after=landed.retry_after)
    return msgspec.json.decode(landed.value, type=kind)


async def _done(work: Callable[[], Awaitable[T]]) -> T:
    return await work()

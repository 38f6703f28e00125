"""The budgets of all vendor accounts, shared by all processes."""

import asyncio
from typing import Final

from redis.asyncio import Redis

from backend.core.model.quota import Call, Lane, Outcome, QuotaView, Settlement
from backend.core.ports.meter import Meter
from backend.storage.inprocess.budget.account import RANKS
from backend.storage.inprocess.budget.bucket import MINUTE
from backend.storage.redis.budget.account import SharedAccount, SharedSpender
from backend.storage.redis.budget.shared import LOAD, SAVE, Acquire, GiveUp, Settle, Shared, Wait
from backend.storage.redis.connection import PREFIX, open_pool

_MANY: Final = 500
"""Accounts that nobody spends from now are forgotten here beyond so many; Redis keeps them."""


class RedisBudgets:
    """Budgets in Redis: whoever names the same account, in any process, shares its quota and its calls at once.

    An account is named by a hash of address and credential and belongs to whoever has them, so its key names no tenant.
    While Redis is away `acquire` raises SHARED_STATE_UNAVAILABLE: nobody calls a vendor unseen by the others.
    """

    def __init__(self, url: str, concurrency: int, share: float = 0.0, *, period: float = MINUTE, meter: Meter | None = None) -> None:
        self._redis: Redis = Redis(connection_pool=open_pool(url))
        self._concurrency = concurrency
        self._share = share
        self._period = period
        self._meter = meter
        self._accounts: dict[str, Shared] = {}
        self._read, self._write = self._redis.register_script(LOAD), self._redis.register_script(SAVE)

    def join(self, account: str, lane: Lane) -> "RedisSpender":
        """Spend from an account's budget in a lane."""
        found = self._accounts.get(account)
        if found is None:
            if len(self._accounts) > _MANY:
                self._accounts = {name: shared for name, shared in self._accounts.items() if shared.spenders}
            found = self._accounts[account] = Shared(f"{PREFIX}:account:{account}", self._new, self._read, self._write)
        return RedisSpender(found, SharedSpender(found.account, lane, self._meter))

    async def flush(self) -> None:
        """Wait until everything that was settled is known to all processes."""
        for shared in self._accounts.values():
            await shared.flush()

    async def close(self) -> None:
        """Let go of the connections."""
        for shared in self._accounts.values():
            await shared.close()
        await self._redis.aclose(close_connection_pool=True)

    def _new(self) -> SharedAccount:
        return SharedAccount(self._concurrency, self._share, period=self._period)


class RedisSpender:
    """One Source's part in the budget; see the port."""

    def __init__(self, shared: Shared, spender: SharedSpender) -> None:
        self._shared = shared
        self._spender = spender
        shared.spenders[spender.spender_id] = spender

    async def acquire(self, call: Call, *, urgent: bool = False, longest_wait: float) -> "RedisGrant":
        """Wait until the call may be made. Raises SOURCE_RATE_LIMITED or SHARED_STATE_UNAVAILABLE."""
        wait = Wait(self._spender, call, longest_wait, RANKS[self._spender.lane] + (not urgent))
        since = self._spender.began()
        self._shared.push(Acquire(wait))
        try:
            return RedisGrant(self._shared, await wait.turn)
        except asyncio.CancelledError:
            if wait.turn.done() and not wait.turn.cancelled() and wait.turn.exception() is None:
                self._shared.push(Settle(wait.turn.result(), Settlement(outcome=Outcome.UNSENT)))
            else:
                wait.turn.cancel()
                self._shared.push(GiveUp(wait.place_id))
            raise
        finally:
            self._spender.ended(since, held=wait.held)

    def look(self) -> QuotaView:
        """How the budget stood when this process last looked."""
        return self._spender.look()

    def leave(self) -> None:
        """No more calls; what was learned of the account stays."""
        self._shared.spenders.pop(self._spender.spender_id, None)


class RedisGrant:
    """Leave to make one call."""

    __slots__ = ("_grant_id", "_shared")

    def __init__(self, shared: Shared, grant_id: str) -> None:
        self._shared = shared
        self._grant_id = grant_id

    def settle(self, settlement: Settlement) -> None:
        """Tell what became of the call; it is sent in the background."""
        self._shared.push(Settle(self._grant_id, settlement))

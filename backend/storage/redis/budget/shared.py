"""One process's part in a shared account: what it acquires and settles is applied in short transactions, in order."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from backend.core.errors import AppError
from backend.core.model.quota import Call, Outcome, Settlement, rate_limited
from backend.storage.redis.budget.account import Place, SharedAccount, SharedSpender
from backend.storage.redis.budget.state import dump, load
from backend.storage.redis.connection import unavailable

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.05
"""How often a process with somebody in line looks whether their turn has come."""
_BEAT_SECONDS: Final = 2.0
"""How often it says that its calls are under way."""
_CLOSE_SECONDS: Final = 2.0
_AWAY_SECONDS: Final = 0.5
_KEPT_SECONDS: Final = 60.0
"""While Redis is away settlements are kept so long; a call that was never settled ends by itself."""
_FORGOTTEN_MS: Final = 3_600_000

LOAD: Final = """
local time, found = redis.call('TIME'), redis.call('HMGET', KEYS[1], 'version', 'state')
if found[1] and found[1] ~= ARGV[1] then return {time[1], time[2], found[1], found[2]} end
return {time[1], time[2], found[1] or '', ''}
"""
SAVE: Final = """
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
Script = Callable[..., Any]
Outcomes = list[tuple["Wait", str | AppError]]


class Wait:
    """One acquire of this process, until it has a grant."""

    def __init__(self, spender: SharedSpender, call: Call, longest: float, rank: int) -> None:
        self.spender = spender
        self.call = call
        self.longest = longest
        self.rank = rank
        self.place_id = secrets.token_hex(8)
        self.held = False
        self.turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def place(self) -> Place:
        """A place in line; a transaction that is repeated takes a new one."""
        return Place(self.spender, self.call, self.longest, place_id=self.place_id, spender_id=self.spender.spender_id, rank=self.rank)


class Acquire:
    """Somebody wants to call."""

    def __init__(self, wait: Wait) -> None:
        self.wait = wait

    def apply(self, account: SharedAccount, outcomes: Outcomes, waits: dict[str, Wait]) -> None:
        """Grant it, refuse it, or let it stand in line."""
        try:
            grant = account.acquire(self.wait.place())
        except AppError as error:
            outcomes.append((self.wait, error))
            return
        if grant is None:
            waits[self.wait.place_id] = self.wait
        else:
            outcomes.append((self.wait, grant.grant_id))


class Settle:
    """A call ended."""

    def __init__(self, grant_id: str, settlement: Settlement) -> None:
        self.grant_id = grant_id
        self.settlement = settlement
        self.at = time.monotonic()

    def apply(self, account: SharedAccount, _outcomes: Outcomes, _waits: dict[str, Wait]) -> None:
        """Count it."""
        account.settle_id(self.grant_id, self.settlement)


class GiveUp:
    """Somebody who stands in line wants to call no more."""

    def __init__(self, place_id: str) -> None:
        self.place_id = place_id

    def apply(self, account: SharedAccount, _outcomes: Outcomes, waits: dict[str, Wait]) -> None:
        """Leave the line."""
        account.give_up(self.place_id)
        waits.pop(self.place_id, None)


Step = Acquire | Settle | GiveUp


class Shared:
    """An account in Redis. Steps are applied in the order in which they were pushed."""

    def __init__(self, key: str, new: Callable[[], SharedAccount], read: Script, write: Script) -> None:
        self._key = key
        self._new = new
        self._read = read
        self._write = write
        self._version: bytes | None = None
        self._steps: list[Step] = []
        self._waits: dict[str, Wait] = {}
        self._held: set[str] = set()
        self._closed = False
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.account = new()
        self.spenders: dict[str, SharedSpender] = {}

    def push(self, step: Step) -> None:
        """Apply this next; after `close` it is dropped, and what it was about ends by itself."""
        if self._closed:
            if isinstance(step, Acquire):
                self._tell(step.wait, unavailable())
            return
        self._steps.append(step)
        self._wake.set()
        self._quiet.clear()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def flush(self) -> None:
        """Wait until all that was pushed is applied."""
        if self._task is not None:
            await self._quiet.wait()

    async def close(self) -> None:
        """Apply what was settled, then no more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.flush()
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while self._steps or self._waits or self._held:
            self._wake.clear()
            steps, self._steps = self._steps, []
            try:
                outcomes = await self._transact(steps)
            except (RedisError, OSError) as error:
                self._fail(steps, error)
                await asyncio.sleep(_AWAY_SECONDS)
                continue
            for wait, result in outcomes:
                self._tell(wait, result)
            if not self._steps:
                self._quiet.set()
                await self._rest(LOOK_SECONDS if self._waits else _BEAT_SECONDS)
        self._quiet.set()
        self._task = None

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._wake.is_set() and (self._waits or self._held):
                    await self._wake.wait()

    async def _transact(self, steps: list[Step]) -> Outcomes:
        """Apply steps to the newest state; from the start again where another process was quicker."""
        while True:
            seconds, micros, version, state = await self._read(keys=[self._key], args=[self._version or b""])
            if version != self._version:
                self._take_up(state)
            account, self._version = self.account, None
            account.now = int(seconds) + int(micros) / 1e6
            outcomes: Outcomes = []
            waits = dict(self._waits)
            account.tidy(waits, self._held)
            for step in steps:
                step.apply(account, outcomes, waits)
            account.serve_all()
            self._collect(account, outcomes, waits)
            new = secrets.token_hex(8).encode()
            if await self._write(keys=[self._key], args=[version, new, dump(account), _FORGOTTEN_MS]):
                self._version, self._waits = new, waits
                self._held.difference_update(step.grant_id for step in steps if isinstance(step, Settle))
                self._held.update(result for _, result in outcomes if isinstance(result, str))
                return outcomes

    def _take_up(self, state: bytes) -> None:
        self.account = self._new()
        if state:
            load(state, self.account, self.spenders)
        for spender in self.spenders.values():
            spender.move_to(self.account)

    @staticmethod
    def _collect(account: SharedAccount, outcomes: Outcomes, waits: dict[str, Wait]) -> None:
        """Take the turns of this process out of the state; who stands in no line any more (Redis was emptied) begins anew."""
        for place_id, turn in [*account.turns.items()]:
            if (wait := waits.pop(place_id, None)) is not None:
                del account.turns[place_id]
                outcomes.append((wait, turn.grant_id or rate_limited(turn.seconds)))
        for place_id, wait in [*waits.items()]:
            place = account.places.get(place_id)
            if place is None:
                del waits[place_id]
                Acquire(wait).apply(account, outcomes, waits)
            else:
                wait.held = wait.held or place.held

    def _tell(self, wait: Wait, result: str | AppError) -> None:
        if isinstance(result, AppError):
            if not wait.turn.done():
                wait.turn.set_exception(result)
        elif wait.turn.done():
            self.push(Settle(result, Settlement(outcome=Outcome.UNSENT)))
        else:
            wait.turn.set_result(result)

    def _fail(self, steps: list[Step], error: Exception) -> None:
        """Redis is away: who wants to call is told so, what ended is told later."""
        log.warning("budget_away", reason=type(error).__name__)
        self._version = None
        waits = [*self._waits.values(), *(step.wait for step in steps if isinstance(step, Acquire))]
        self._waits = {}
        for wait in waits:
            self._tell(wait, unavailable())
        oldest = time.monotonic() - _KEPT_SECONDS
        self._steps = [step for step in steps if isinstance(step, Settle) and step.at > oldest] + self._steps
        self._quiet.set()

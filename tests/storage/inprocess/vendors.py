"""Vendors that count calls, and a clock that jumps: minutes of waiting pass in no time, and always in the same way."""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from backend.core.model.quota import ACCOUNT, Call, Outcome, Reading, Settlement
from backend.core.ports.budget import Spender

T = TypeVar("T")


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still while anything runs and jumps to the next timer when nothing does."""

    def __init__(self) -> None:
        super().__init__(_Jumping(self))
        self.at = 1000.0

    def time(self) -> float:
        return self.at


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everybody waits, and nobody for a time: a deadlock")
        self._loop.at += max(0.0, timeout)
        return super().select(0)


def played(play: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a loop whose clock jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(play())


def now() -> float:
    """The time of the running loop: the clock to give to a budget."""
    return asyncio.get_running_loop().time()


class Counter(Protocol):
    """How a vendor counts."""

    @property
    def limit(self) -> int: ...

    @property
    def remaining(self) -> int: ...

    def lacks(self, cost: int, at: float) -> float:
        """Seconds until so many credits are there, 0 where they are."""
        ...

    def spend(self, cost: int) -> None:
        """Take credits that are there."""
        ...


@dataclass
class Windows:
    """So many credits in a window. It begins with the first call after the last one, or at fixed times where `phase` is given."""

    limit: int
    period: float = 60.0
    phase: float | None = None
    remaining: int = 0
    opened: float = -1e9

    def lacks(self, cost: int, at: float) -> float:
        if at - self.opened >= self.period:
            self.opened = at if self.phase is None else at - (at - self.phase) % self.period
            self.remaining = self.limit
        return self.opened + self.period - at if self.remaining < cost else 0.0

    def spend(self, cost: int) -> None:
        self.remaining -= cost


@dataclass
class Drips:
    """Credits that come back all the time."""

    limit: int
    period: float = 60.0
    level: float = -1.0
    at: float = 0.0

    def lacks(self, cost: int, at: float) -> float:
        came = (at - self.at) * self.limit / self.period
        self.level, self.at = self.limit if self.level < 0 else min(self.limit, self.level + came), at
        return max(0.0, cost - self.level) * self.period / self.limit

    def spend(self, cost: int) -> None:
        self.level -= cost

    @property
    def remaining(self) -> int:
        return int(self.level)


@dataclass
class Vendor:
    """An account at a vendor: one counter for everything, and others within it for some areas."""

    account: Counter
    inner: dict[str, Counter] = field(default_factory=dict)
    latency: tuple[float, float] = (0.02, 0.15)
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    spent: list[tuple[float, int]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def answer(self, area: str, cost: int) -> Settlement:
        """Take the way there and back, and be counted in between."""
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.rng.uniform(*self.latency))
            settlement = self.count(area, cost)
            await asyncio.sleep(self.rng.uniform(*self.latency))
        finally:
            self.running -= 1
        return settlement

    def count(self, area: str, cost: int) -> Settlement:
        """What the vendor does with a call, and says of it."""
        at = now()
        counters = [counter for counter in (self.inner.get(area), self.account) if counter is not None]
        for counter in counters:
            if wait := counter.lacks(cost, at):
                self.refused.append(at)
                return Settlement(outcome=Outcome.REFUSED, retry_after=float(int(wait) + 1), readings=(self._reading(area, counter),))
        for counter in counters:
            counter.spend(cost)
        self.spent.append((at, cost))
        return Settlement(outcome=Outcome.ANSWERED, used=cost, readings=(self._reading(area, counters[0]),))

    def _reading(self, area: str, counter: Counter) -> Reading:
        name = ACCOUNT if counter is self.account else f"{area}:{counter.limit}"
        return Reading(bucket=name, limit=counter.limit, remaining=counter.remaining)

    def between(self, begin: float, end: float) -> int:
        """Credits counted in a stretch of time."""
        return sum(cost for at, cost in self.spent if begin <= at < end)


async def call(spender: Spender, vendor: Vendor, area: str = "tickets", cost: int = 1, *, longest_wait: float = 1e9) -> Settlement:
    """One call, settled whatever happens."""
    grant = await spender.acquire(Call(route=f"{area}/view", cost=cost), longest_wait=longest_wait)
    settlement = Settlement(outcome=Outcome.FAILED)
    try:
        settlement = await vendor.answer(area, cost)
    finally:
        grant.settle(settlement)
    return settlement


async def keep_calling(spender: Spender, vendor: Vendor, *, until: float, area: str = "tickets", cost: int = 1) -> None:
    """One call after the other, refused ones again."""
    while now() < until:
        await call(spender, vendor, area, cost)

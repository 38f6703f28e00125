"""The budget of a vendor account in one process and one event loop."""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from backend.core.model.quota import Call, Lane, Outcome, QuotaView, Reading, Settlement, rate_limited
from backend.core.ports.meter import Meter
from backend.storage.inprocess.budget.bucket import Bucket, Mark
from backend.storage.inprocess.budget.concurrency import UNMET, Concurrency
from backend.storage.inprocess.budget.lines import Lines

PAUSE: Final = "pause"
"""What a spender waits for when the vendor asked everybody to wait."""
_SHORTEST_TIMER: Final = 0.001

RANKS: Final = {lane: 2 * place for place, lane in enumerate(Lane)}
"""Urgent calls of a lane come right before its others."""

Clock = Callable[[], float]


class Waiter:
    """One acquire that has to wait."""

    __slots__ = ("call", "held", "longest", "spender", "turn")

    def __init__(self, spender: "AccountSpender", call: Call, longest: float) -> None:
        self.spender = spender
        self.call = call
        self.longest = longest
        self.held = False
        """Whether the quota held it up, and not only the calls before it."""
        self.turn: asyncio.Future[AccountGrant] = asyncio.get_running_loop().create_future()


class Account:
    """One vendor account: its buckets, its pause, and those who wait."""

    def __init__(self, concurrency: int, share: float, *, period: float, clock: Clock) -> None:
        self.clock = clock
        self.spenders: set[AccountSpender] = set()
        self.used_at = clock()
        self.concurrency = Concurrency(concurrency)
        self.lines: Lines[Waiter] = Lines(2 * len(Lane))
        self.buckets: dict[str, Bucket] = {}
        self.paused_until = 0.0
        self._met = False
        self._share = share
        self._period = period
        self._learned: dict[str, tuple[str, ...]] = {}
        self._routes: dict[str, tuple[Bucket, ...]] = {}
        self._empty: dict[Bucket, float] = {}
        self._wake_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def try_now(self, spender: "AccountSpender", call: Call) -> "AccountGrant | None":
        """A grant where nobody waits and everything needed is free: the way nearly all calls of an unlimited account go."""
        now = self.clock()
        buckets = self._buckets_of(call)
        if self.lines or now < self.paused_until or not self._has_room(spender.lane, buckets):
            return None
        for bucket in buckets:
            if bucket.wait(call.cost, spender.lane, now) > 0:
                return None
        return self._grant(spender, call, buckets, now)

    def line_up(self, waiter: "Waiter", rank: int) -> None:
        """Stand in line, and be served where that is possible now. Raises SOURCE_RATE_LIMITED."""
        room = self._has_room(waiter.spender.lane) or self.clock() < self.paused_until
        if room:
            self._check(waiter)
        self.lines.add(waiter, rank, (id(waiter.spender), waiter.call.route))
        # Without room nobody is served before a call ends.
        if room:
            self.serve()

    def serve(self) -> None:
        """Let go whoever may, and set the clock for the next one."""
        if not self.lines:
            return
        now = self.clock()
        self._wake_at = math.inf
        if now < self.paused_until:
            for waiter in self.lines:
                self._hold(waiter, PAUSE, now, self.paused_until)
            self._wake_at = self.paused_until
        else:
            self._empty.clear()
            self.lines.serve(self._offer)
        self._set_timer(now)

    def settle(self, grant: "AccountGrant", settlement: Settlement) -> None:
        """A call ended."""
        now = self.used_at = self.clock()
        call = grant.call
        self.concurrency.running -= 1
        self._met = self._met or settlement.outcome is not Outcome.UNSENT
        if settlement.outcome in (Outcome.REFUSED, Outcome.UNSENT):
            for mark in grant.marks:
                mark.bucket.give_back(mark, call.cost)
        else:
            self._count(grant, settlement, now)
        if settlement.retry_after is not None:
            self.paused_until = max(self.paused_until, now + settlement.retry_after)
        match settlement.outcome:
            case Outcome.ANSWERED:
                self.concurrency.answered(call.route, now - grant.since, now)
            case Outcome.REFUSED:
                self._refuse(grant, settlement, now)
            case Outcome.FAILED:
                self.concurrency.strained(now)
        self.serve()

    def _check(self, waiter: "Waiter") -> None:
        """Refuse to wait longer than somebody will, wherever they would stand in line."""
        now = self.clock()
        waits = [bucket.wait(waiter.call.cost, waiter.spender.lane, now) for bucket in self._buckets_of(waiter.call)]
        wait = max((wait for wait in (*waits, self.paused_until - now) if wait < math.inf), default=0.0)
        if wait > max(0.0, waiter.longest):
            raise rate_limited(wait)

    def _has_room(self, lane: Lane, buckets: tuple[Bucket, ...] = ()) -> bool:
        if lane is Lane.LIVE:
            return self.concurrency.has_room(live=True)
        if self.concurrency.is_much(bucket.limit for bucket in buckets):
            return False
        return self.concurrency.has_room(live=False) and (self._met or self.concurrency.running < UNMET)

    def _offer(self, waiter: Waiter) -> bool:
        spender, call = waiter.spender, waiter.call
        buckets = self._buckets_of(call)
        if not self._has_room(spender.lane, buckets):
            return False
        now = self.clock()
        for bucket in buckets:
            # Who comes later or stands lower must not eat away what an earlier one is waiting for.
            until = self._empty.get(bucket)
            if until is None and (wait := bucket.wait(call.cost, spender.lane, now)) > 0:
                until = self._empty[bucket] = now + wait
                self._wake_at = min(self._wake_at, until)
            if until is not None:
                return self._hold(waiter, bucket.name, now, until)
        waiter.turn.set_result(self._grant(spender, call, buckets, now))
        return True

    def _hold(self, waiter: Waiter, reason: str, now: float, until: float) -> bool:
        """Note why somebody waits; True where it is longer than they will."""
        if waiter.longest < until - now < math.inf:
            waiter.turn.set_exception(rate_limited(until - now))
            return True
        waiter.held = True
        waiter.spender.held(reason, now, until)
        return False

    def _grant(self, spender: "AccountSpender", call: Call, buckets: tuple[Bucket, ...], now: float) -> "AccountGrant":
        self.concurrency.running += 1
        spender.let_go(now)
        return AccountGrant(self, spender, call, [bucket.take(call.cost) for bucket in buckets], now)

    def _count(self, grant: "AccountGrant", settlement: Settlement, now: float) -> None:
        cost = grant.call.cost
        used = cost if settlement.used is None else settlement.used
        told = {reading.bucket: reading for reading in settlement.readings}
        for mark in grant.marks:
            mark.bucket.settle(mark, cost, used, told.pop(mark.bucket.name, None), now, since=grant.since)
        for reading in told.values():
            self._meet(reading).learn(reading, now)
        if settlement.readings:
            self._learn_route(grant.call, settlement.readings)
            grant.spender.told = self.buckets[settlement.readings[0].bucket]

    def _refuse(self, grant: "AccountGrant", settlement: Settlement, now: float) -> None:
        seconds = settlement.retry_after or 0.0
        self.concurrency.strained(now)
        limits = {reading.limit for reading in settlement.readings}
        for bucket in self._buckets_of(grant.call):
            # A refusal tells of the bucket that is empty, which need not be the one that answers of this route tell of.
            if bucket.limit in limits:
                bucket.refuse(seconds, now)

    def _buckets_of(self, call: Call) -> tuple[Bucket, ...]:
        found = self._routes.get(call.route)
        if found is None:
            names = dict.fromkeys((*call.within, *self._learned.get(call.route, ())))
            found = self._routes[call.route] = tuple(self.buckets[name] for name in names if name in self.buckets)
        return found

    def _learn_route(self, call: Call, readings: tuple[Reading, ...]) -> None:
        """What a route spends from is what its last answer told of: a plan may change."""
        names = tuple(reading.bucket for reading in readings if reading.bucket not in call.within)
        if self._learned.get(call.route, ()) != names:
            self._learned[call.route] = names
            self._routes.clear()

    def _meet(self, reading: Reading) -> Bucket:
        bucket = self.buckets.get(reading.bucket)
        if bucket is None:
            bucket = self.buckets[reading.bucket] = Bucket(reading.bucket, reading.limit, share=self._share, period=self._period)
            self._routes.clear()
        return bucket

    def _set_timer(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._wake_at < math.inf:
            self._timer = asyncio.get_running_loop().call_later(max(_SHORTEST_TIMER, self._wake_at - now), self.serve)


class AccountGrant:
    """Leave to make one call."""

    __slots__ = ("_account", "call", "marks", "since", "spender")

    def __init__(self, account: Account, spender: "AccountSpender", call: Call, marks: list[Mark], since: float) -> None:
        self._account = account
        self.spender = spender
        self.call = call
        self.marks = marks
        self.since = since

    def settle(self, settlement: Settlement) -> None:
        """Tell what became of the call."""
        self._account.settle(self, settlement)


class AccountSpender:
    """One Source's part in the budget: what it waits for and how long it did are its own, the buckets are everybody's."""

    def __init__(self, account: Account, lane: Lane, meter: Meter | None) -> None:
        self.lane = lane
        self.told: Bucket | None = None
        self._account = account
        self._waited = 0.0
        self._since: float | None = None
        self._reason = ""
        self._until = 0.0
        self._waiting = 0
        self._meter = meter
        account.spenders.add(self)

    async def acquire(self, call: Call, *, urgent: bool = False, longest_wait: float) -> AccountGrant:
        """Wait until the call may be made."""
        account = self._account
        grant = account.try_now(self, call)
        if grant is not None:
            return grant
        waiter = Waiter(self, call, longest_wait)
        self._waiting += 1
        began = account.clock()
        try:
            account.line_up(waiter, RANKS[self.lane] + (not urgent))
            grant = await waiter.turn
        except asyncio.CancelledError:
            turn = waiter.turn
            # The grant may have been handed over in the very moment of the cancellation: it goes to the next one.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                turn.result().settle(Settlement(outcome=Outcome.UNSENT))
            else:
                turn.cancel()
                account.serve()
            raise
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.let_go(account.clock())
        if waiter.held and self._meter is not None:
            self._meter.observe("source_lane_wait_seconds", account.clock() - began, lane=self.lane.value)
        return grant

    def look(self) -> QuotaView:
        """How the budget stands."""
        now = self._account.clock()
        told = None if self.told is None else self.told.look(now)
        return QuotaView(
            remaining=None if told is None else told.remaining,
            limit=None if told is None else told.limit,
            waited_seconds=self._waited + (0.0 if self._since is None else now - self._since),
            waiting_for=self._reason,
            waiting_seconds=max(0.0, self._until - now) if self._reason and self._until < math.inf else 0.0,
            buckets=tuple(bucket.look(now) for bucket in self._account.buckets.values()),
        )

    def leave(self) -> None:
        """No more calls; may be said twice."""
        self._account.spenders.discard(self)

    def held(self, reason: str, now: float, until: float) -> None:
        """The quota holds one of its calls up."""
        self._reason, self._until = reason, until
        if self._since is None:
            self._since = now

    def let_go(self, now: float) -> None:
        """One of its calls goes."""
        if self._since is not None:
            self._waited += now - self._since
            self._since, self._reason = None, ""

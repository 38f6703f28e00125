"""A vendor account that several processes spend from, as one of them sees it within a transaction."""

import secrets
from collections.abc import Collection
from typing import Final

from backend.core.errors import AppError
from backend.core.model.quota import Call, Lane, Outcome, Settlement
from backend.core.ports.meter import Meter
from backend.storage.inprocess.budget.account import Account, AccountGrant, AccountSpender, Waiter
from backend.storage.inprocess.budget.bucket import Bucket, Mark

GRANT_SECONDS: Final = 10.0
"""A process says again and again that its calls are under way; one that does not for so long has died."""
WAITER_SECONDS: Final = 5.0
"""Who waits says so again and again; one that does not has died with its process."""


class SharedGrant(AccountGrant):
    """Leave to make one call, known by an id."""

    __slots__ = ("grant_id", "spender_id", "until")

    def __init__(
        self, account: Account, spender: AccountSpender, call: Call, marks: list[Mark], since: float, *, grant_id: str, spender_id: str
    ) -> None:
        super().__init__(account, spender, call, marks, since)
        self.grant_id = grant_id
        self.spender_id = spender_id
        self.until = since + GRANT_SECONDS


class Place(Waiter):
    """Somebody who waits, in whatever process."""

    __slots__ = ("place_id", "rank", "spender_id", "until")

    def __init__(self, spender: AccountSpender, call: Call, longest: float, *, place_id: str, spender_id: str, rank: int) -> None:
        super().__init__(spender, call, longest)
        self.place_id = place_id
        self.spender_id = spender_id
        self.rank = rank
        self.until = 0.0


class Turn:
    """What became of a wait: a grant, or how long it would have taken."""

    __slots__ = ("grant_id", "seconds", "until")

    def __init__(self, grant_id: str, seconds: float, until: float) -> None:
        self.grant_id = grant_id
        self.seconds = seconds
        self.until = until


class SharedAccount(Account):
    """The in-process account with a clock that is set from outside and without timers: whoever waits comes back."""

    def __init__(self, concurrency: int, share: float, *, period: float) -> None:
        self.now = 0.0
        super().__init__(concurrency, share, period=period, clock=self.read_clock)
        self.grants: dict[str, SharedGrant] = {}
        self.places: dict[str, Place] = {}
        self.turns: dict[str, Turn] = {}

    def read_clock(self) -> float:
        """Seconds of Redis's clock."""
        return self.now

    @property
    def met(self) -> bool:
        """Whether any call was answered."""
        return self._met

    @met.setter
    def met(self, met: bool) -> None:
        self._met = met

    @property
    def learned(self) -> dict[str, tuple[str, ...]]:
        """Route -> the buckets it spends from beside those that its calls name."""
        return self._learned

    def acquire(self, place: Place) -> SharedGrant | None:
        """A grant, or a place in line. Raises SOURCE_RATE_LIMITED."""
        grant = self.try_now(place.spender, place.call)
        if isinstance(grant, SharedGrant):
            return grant
        place.until = self.now + WAITER_SECONDS
        if self._has_room(place.spender.lane) or self.now < self.paused_until:
            self._check(place)
        self.stand(place)
        return None

    def stand(self, place: Place) -> None:
        """At the end of its line."""
        self.places[place.place_id] = place
        self.lines.add(place, place.rank, (place.spender_id, place.call.route))

    def settle_id(self, grant_id: str, settlement: Settlement) -> None:
        """A call ended; one that nobody knows any more still tells how the vendor's quota stands."""
        grant = self.grants.pop(grant_id, None)
        if grant is not None:
            self.settle(grant, settlement)
            return
        for reading in settlement.readings:
            self._meet(reading).learn(reading, self.now)
        if settlement.retry_after is not None:
            self.paused_until = max(self.paused_until, self.now + settlement.retry_after)

    def give_up(self, place_id: str) -> None:
        """Somebody waits no more; a turn that came meanwhile goes to the next one."""
        place = self.places.pop(place_id, None)
        if place is not None and not place.turn.done():
            place.turn.cancel()
        turn = self.turns.pop(place_id, None)
        if turn is not None and turn.grant_id:
            self.settle_id(turn.grant_id, Settlement(outcome=Outcome.UNSENT))

    def tidy(self, mine: Collection[str], held: Collection[str]) -> None:
        """Keep the places and the grants of this process, and let go of what processes that died left."""
        for grant_id in held:
            if grant_id in self.grants:
                self.grants[grant_id].until = self.now + GRANT_SECONDS
        for place_id, place in [*self.places.items()]:
            if place_id in mine:
                place.until = self.now + WAITER_SECONDS
            elif place.until < self.now:
                self.give_up(place_id)
        for place_id, turn in [*self.turns.items()]:
            if place_id not in mine and turn.until < self.now:
                self.give_up(place_id)
        for grant_id, grant in [*self.grants.items()]:
            if grant.until < self.now:
                self.settle_id(grant_id, Settlement(outcome=Outcome.FAILED))

    def serve_all(self) -> None:
        """Let go whoever may, and note whose turn came, in the order in which it came."""
        self.serve()
        served = [place for place in self.places.values() if place.turn.done()]
        order = {grant_id: number for number, grant_id in enumerate(self.grants)}
        for place in served:
            del self.places[place.place_id]
        for place in sorted(served, key=lambda place: order.get(_granted(place), -1)):
            error = None if place.turn.cancelled() else place.turn.exception()
            if isinstance(error, AppError):
                self.turns[place.place_id] = Turn("", error.retry_after or 0.0, place.until)
            elif grant_id := _granted(place):
                self.turns[place.place_id] = Turn(grant_id, 0.0, place.until)

    def _grant(self, spender: AccountSpender, call: Call, buckets: tuple[Bucket, ...], now: float) -> SharedGrant:
        self.concurrency.running += 1
        spender.let_go(now)
        marks = [bucket.take(call.cost) for bucket in buckets]
        whose = spender.spender_id if isinstance(spender, SharedSpender) else ""
        grant = SharedGrant(self, spender, call, marks, now, grant_id=secrets.token_hex(8), spender_id=whose)
        self.grants[grant.grant_id] = grant
        return grant

    def _set_timer(self, now: float) -> None:
        """Nobody is called back: the process of each who waits looks again."""


def _granted(place: Place) -> str:
    """The id of the grant that a place led to; empty where it led to none."""
    if place.turn.cancelled() or place.turn.exception() is not None:
        return ""
    grant = place.turn.result()
    return grant.grant_id if isinstance(grant, SharedGrant) else ""


class SharedSpender(AccountSpender):
    """One Source's part; see the port. `account` is replaced whenever the state is read anew."""

    def __init__(self, account: SharedAccount, lane: Lane, meter: Meter | None) -> None:
        super().__init__(account, lane, meter)
        self.spender_id = secrets.token_hex(8)

    def move_to(self, account: SharedAccount) -> None:
        """Look at this state from now on."""
        self._account = account
        if self.told is not None:
            self.told = account.buckets.get(self.told.name)

    def began(self) -> float:
        """One more call waits; returns since when."""
        self._waiting += 1
        return self._account.clock()

    def ended(self, since: float, *, held: bool) -> None:
        """A wait is over; `held` where the quota held it up."""
        now = self._account.clock()
        self._waiting -= 1
        if not self._waiting:
            self.let_go(now)
        if held and self._meter is not None:
            self._meter.observe("source_lane_wait_seconds", max(0.0, now - since), lane=self.lane.value)

"""One quota of a vendor: learned from its answers, spent at a pace that leaves something for who comes later.

Most vendors count in windows (so many calls a minute, all back at once); some let credits drip back. Nobody says which, nor
when a window ends, so both are found out from the figures in the answers.
"""

import math
from typing import Any, Final

from backend.core.model.quota import BucketView, Lane, Reading

MINUTE: Final = 60.0
_PERIODS: Final = (MINUTE, 3_600.0, 86_400.0)
_PACED: Final = {Lane.LIVE: 0.0, Lane.WEBHOOK: 0.1, Lane.INCREMENTAL: 0.25, Lane.BACKFILL: 0.5}
"""Share of a window's credits that a lane spreads over the whole window; the rest it may spend at once."""
_LIVE_KEPT: Final = 0.02
"""Share that only a person who waits may spend; it is let go in the last three seconds of a minute. At least `_LIVE_LEAST` credits
(a ticket with all it shows takes six to eight), but in no bucket more than `_LIVE_MOST` of it."""
_LIVE_LEAST: Final = 8.0
_LIVE_MOST: Final = 0.08
_SLACK: Final = 0.01
_SLACK_SECONDS: Final = 2.0
"""Where others call too, what they take in so many seconds is never spent, and at least this share: since the last answer they may
have taken more than anybody knows."""
_TAIL: Final = 0.03
"""The spreading ends so early before the window does: where the end is known is a little late, nothing is lost."""
_RELEASE: Final = 1 / 60
"""In this last part of a window nothing is kept any more, what is left is lost otherwise; it is let go over twice that time before."""
_MOST_LATE: Final = 0.05
"""Share of a window by which its end may be thought too late at most."""
_UNSURE: Final = 0.1
"""Share that may be spent in a window before its first answer has shown that it is a new one."""
_SIGNS: Final = 4
"""So many credits that came back singly within one period show a bucket that drips."""


class Mark:
    """What a bucket looked like when a call was let go."""

    __slots__ = ("bucket", "seen", "window")

    def __init__(self, bucket: "Bucket", window: int, seen: int) -> None:
        self.bucket = bucket
        self.window = window
        self.seen = seen


class Bucket:
    """Credits of one quota. Times are seconds of one steady clock.

    In a window it knows: `spent`, what we let go in it; `others`, what somebody else must have used, since the vendor counted
    more than we did; `seen`, the highest count of the vendor. Answers overtake each other, so a figure is only ever compared
    with what was known when its call was let go.
    """

    __slots__ = (
        "_base",
        "_first_sign",
        "_in_flight",
        "_late",
        "_level",
        "_others",
        "_others_before",
        "_period",
        "_plenty",
        "_seen",
        "_seen_before",
        "_share",
        "_signs",
        "_spent",
        "_told_at",
        "_window",
        "_windowed",
        "drips",
        "limit",
        "name",
        "resets_at",
    )

    def __init__(self, name: str, limit: int, *, share: float, period: float = MINUTE) -> None:
        self.name = name
        self.limit = max(1, limit)
        self.resets_at: float | None = None
        """When the window ends; None while no answer has come in it."""
        self.drips = False
        """Whether credits come back all the time."""
        self._share = share
        self._plenty = max(*_PACED.values(), _LIVE_MOST + share)
        """Where so large a share of the window is left, nobody has to wait."""
        self._base = self._period = period
        self._window = 0
        self._spent = self._others = self._seen = self._in_flight = 0
        self._seen_before = self._others_before = 0
        self._level = float(limit)
        self._late = 0.0
        """Seconds by which the window may end earlier than `resets_at` says: what the call that began it took."""
        self._told_at = -math.inf
        self._windowed = False
        self._signs = 0
        self._first_sign = -math.inf

    def dump(self) -> dict[str, Any]:
        """Everything it knows, for another process."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def load(cls, values: dict[str, Any]) -> "Bucket":
        """The bucket that was dumped."""
        bucket = cls.__new__(cls)
        for name, value in values.items():
            setattr(bucket, name, value)
        return bucket

    def wait(self, cost: int, lane: Lane, now: float) -> float:
        """Seconds until a call may go, 0 for at once, infinity for not before the next answer."""
        if self.drips:
            return self._wait_for_drops(cost, lane, now)
        if self.resets_at is not None and now >= self.resets_at:
            self._open_window()
        free = self.limit - self._spent - self._others - cost
        untouched = self._spent == 0 and self._others == 0
        if self.resets_at is None:
            fits = free >= 0 and (lane is Lane.LIVE or self._spent + cost <= self.limit * _UNSURE)
            return 0.0 if fits or self._in_flight == 0 else math.inf
        left = self.resets_at - now
        if free < 0:
            # A call dearer than the whole bucket is the vendor's to judge.
            return 0.0 if untouched else left
        if lane is Lane.LIVE or untouched or free >= self._plenty * self.limit:
            return 0.0
        if others := max(self._others, self._others_before):
            unseen = others * (_SLACK_SECONDS + 3 * self._late) / self._period
            free -= math.ceil(max(_SLACK * self.limit, unseen))
        return left if free < 0 else self._pace(free, lane, left)

    def take(self, cost: int) -> Mark:
        """A call goes."""
        self._spent += cost
        self._in_flight += cost
        return Mark(self, self._window, self._seen)

    def give_back(self, mark: Mark, cost: int) -> None:
        """The call was never counted by the vendor."""
        self._in_flight -= cost
        if mark.window == self._window:
            self._spent = max(0, self._spent - cost)

    def settle(self, mark: Mark, cost: int, used: int, reading: Reading | None, now: float, *, since: float | None = None) -> None:
        """The call that was let go at `since` was counted: `used` instead of `cost` credits."""
        self._in_flight -= cost
        told_at = now
        counted = None if reading is None else reading.limit - reading.remaining
        if reading is not None:
            self.limit = max(1, reading.limit)
            told_at, self._told_at, self._level = self._told_at, now, float(reading.remaining)
        if mark.window != self._window and counted is not None and counted > self._spent + self._others:
            # It belongs to the window before: only its answer came in this one.
            self._spent = max(0, self._spent - cost)
            return
        self._spent = max(0, self._spent + used - cost)
        if mark.window == self._window and counted is not None and counted < mark.seen + used:
            self._came_back(counted, mark.seen + used - counted, now - told_at)
        if self.resets_at is None:
            if counted is not None and self._seen_before >= self.limit / 2 and counted >= self._seen_before + used:
                self._lengthen()
            # It began when the vendor counted this call, between then and now: by so much the end may be earlier than we think.
            self.resets_at = now + self._period
            self._late = 0.0 if since is None else min(now - since, self._period * _MOST_LATE)
        self._learn(counted, reading, now)

    def learn(self, reading: Reading, now: float) -> None:
        """Take the figures of a call that was let go before anybody knew of this bucket."""
        self.limit = max(1, reading.limit)
        self._level, self._told_at = float(reading.remaining), now
        if self.resets_at is None:
            self.resets_at = now + self._period
        self._learn(reading.limit - reading.remaining, reading, now)

    def refuse(self, seconds: float, now: float) -> None:
        """The vendor says that it is empty and for how long."""
        while seconds > self._period * 1.05 and self._period < _PERIODS[-1]:
            self._lengthen()
        if seconds > self._period / 5:
            self.drips, self._windowed = False, True
        self._others = max(self._others, self.limit - self._spent)
        self._level, self._told_at = 0.0, now
        self.resets_at = now + seconds

    def look(self, now: float) -> BucketView:
        """How it stands."""
        if self.drips:
            return BucketView(name=self.name, limit=self.limit, remaining=max(0, int(self._dripped(now))))
        over = self.resets_at is None or now >= self.resets_at
        left = self.limit if over else max(0, self.limit - self._spent - self._others)
        resets_in = None if over or self.resets_at is None else round(self.resets_at - now, 1)
        return BucketView(name=self.name, limit=self.limit, remaining=left, resets_in=resets_in)

    def _pace(self, free: int, lane: Lane, left: float) -> float:
        """Until so much may be left unspent. What is kept shrinks to nothing as the window ends: it could not be saved up."""
        left -= self._late
        wait = 0.0
        paced = _PACED[lane] * self.limit
        if paced > free:
            tail = _TAIL * self._period
            wait = left - tail - free / paced * (self._period - tail)
        kept = self._live_kept()
        release = _RELEASE * self._period
        if free < kept:
            wait = max(wait, left - release * (1 + 2 * free / kept))
        elif self._share > 0:
            unshared = left - (free - kept) / (self._share * self.limit) * self._period
            wait = max(wait, min(unshared, left - release))
        return max(0.0, wait)

    def _live_kept(self) -> float:
        return min(max(_LIVE_LEAST, _LIVE_KEPT * self.limit), _LIVE_MOST * self.limit)

    def _wait_for_drops(self, cost: int, lane: Lane, now: float) -> float:
        kept = 0.0 if lane is Lane.LIVE else self._live_kept() + (self._share + _PACED[lane] / 10) * self.limit
        missing = min(cost + kept, self.limit) - self._dripped(now)
        return max(0.0, missing / (self.limit / self._period))

    def _dripped(self, now: float) -> float:
        return min(self.limit, self._level + max(0.0, now - self._told_at) * self.limit / self._period) - self._in_flight

    def _open_window(self) -> None:
        self._window += 1
        self._seen_before, self._seen = self._seen, 0
        # What is on its way may be counted in the old window or in the new one; its answer will tell.
        self._spent, self._others, self._others_before = self._in_flight, 0, self._others
        self.resets_at = None

    def _came_back(self, counted: int, returned: int, seconds: float) -> None:
        """The vendor counts less than it did: a window ended, or credits drip back."""
        drops = 2 + 2 * seconds * self.limit / self._period
        self._signs = self._signs + 1 if self._told_at - self._first_sign <= self._period else 1
        if self._signs == 1:
            self._first_sign = self._told_at
        if returned > drops:
            self._signs, self._windowed, self._period = 0, True, self._base
        self.drips = not self._windowed and self._signs >= _SIGNS
        self._open_window()
        self._spent = counted + self._in_flight

    def _lengthen(self) -> None:
        self._period = next((period for period in _PERIODS if period > self._period), self._period)

    def _learn(self, counted: int | None, reading: Reading | None, now: float) -> None:
        if counted is not None:
            self._seen = max(self._seen, counted)
            self._others = max(self._others, counted - self._spent)
        if reading is not None and reading.resets_in is not None:
            self.resets_at = now + reading.resets_in

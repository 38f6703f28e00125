"""How many calls run at once: as many as allowed while the vendor keeps up, fewer when it gets slow or refuses."""

from collections.abc import Iterable
from typing import Final

_LIVE_EXTRA: Final = 2
"""A person who waits does not wait for a slow call of a sync: so many calls more may run for people."""
_LESS: Final = 0.7
_CALM_SECONDS: Final = 1.0
"""One bad moment fails many calls at once and counts once."""
_SLOW_SECONDS: Final = 1.0
_SLOW_FACTOR: Final = 4.0
"""Slow is a route whose answers take longer than a second, and than so many times its best one, on the average."""
_NEW: Final = 0.1
"""Weight of the newest answer in the average: one slow answer among quick ones says little."""
_FORGET: Final = 1.001
"""The best time creeps up, so that a vendor that got slower for good is not slow for ever."""
UNMET: Final = 2
"""So many calls may run before the first answer has told of a quota: it may be small, or used up."""
BEGINNING: Final = 10
"""So many calls at once every helpdesk takes; more are tried out."""
_SHARE: Final = 0.05
"""Beyond those, no more than so large a part of a quota is on its way at once: a small one is spent soon enough as it is."""
_QUICK_SECONDS: Final = 0.25
_BUSY_FACTOR: Final = 2.0
"""Where answers take longer than that and than so many times the route's best one, more calls would only wait inside the vendor."""


class Concurrency:
    """Additive increase, multiplicative decrease between 1 and the limit.

    Until something goes wrong for the first time it rises with every answer, which doubles it in the time of a call.
    """

    __slots__ = ("allowed", "calm_from", "limit", "running", "times")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.allowed = float(min(limit, BEGINNING))
        self.running = 0
        self.calm_from = 0.0
        self.times: dict[str, tuple[float, float]] = {}
        """The best and the average of each route."""

    def has_room(self, *, live: bool) -> bool:
        """Whether one more may run."""
        return self.running < int(self.allowed) + (_LIVE_EXTRA if live else 0)

    def is_much(self, quotas: Iterable[int]) -> bool:
        """Whether one more would be much at once for any of these quotas: it waits for an answer, as where there is no room."""
        return self.running >= BEGINNING and any(self.running >= quota * _SHARE for quota in quotas)

    def answered(self, route: str, seconds: float, now: float) -> None:
        """An answer came after so many seconds; its call is not counted in `running` any more."""
        best, mean = self.times.get(route, (seconds, seconds))
        best, mean = min(seconds, best * _FORGET), mean + _NEW * (seconds - mean)
        self.times[route] = best, mean
        if mean > _SLOW_SECONDS and mean > best * _SLOW_FACTOR:
            self.strained(now)
        elif self.allowed < self.limit and (self.allowed < BEGINNING or self._is_used_up(best, mean)):
            step = 1.0 if self.calm_from == 0.0 else 1 / self.allowed
            self.allowed = min(float(self.limit), self.allowed + step)

    def strained(self, now: float) -> None:
        """The vendor refused, failed, or is slow."""
        if now >= self.calm_from:
            self.allowed = max(1.0, self.allowed * _LESS)
            self.calm_from = now + _CALM_SECONDS

    def _is_used_up(self, best: float, mean: float) -> bool:
        """Whether all that is allowed runs, and the vendor keeps up with it: only then is anything known about more."""
        return self.running + 1 >= int(self.allowed) and not (mean > _QUICK_SECONDS and mean > best * _BUSY_FACTOR)

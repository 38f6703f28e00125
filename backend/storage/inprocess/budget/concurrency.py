"""How many calls run at once: as many as allowed while the vendor keeps up, fewer when it gets slow or refuses."""

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


class Concurrency:
    """Additive increase, multiplicative decrease between 1 and the limit."""

    __slots__ = ("allowed", "calm_from", "limit", "running", "times")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.allowed = float(limit)
        self.running = 0
        self.calm_from = 0.0
        self.times: dict[str, tuple[float, float]] = {}
        """The best and the average of each route."""

    def has_room(self, *, live: bool) -> bool:
        """Whether one more may run."""
        return self.running < int(self.allowed) + (_LIVE_EXTRA if live else 0)

    def answered(self, route: str, seconds: float, now: float) -> None:
        """An answer came after so many seconds."""
        best, mean = self.times.get(route, (seconds, seconds))
        best, mean = min(seconds, best * _FORGET), mean + _NEW * (seconds - mean)
        self.times[route] = best, mean
        if mean > _SLOW_SECONDS and mean > best * _SLOW_FACTOR:
            self.strained(now)
        elif self.allowed < self.limit:
            self.allowed = min(float(self.limit), self.allowed + 1 / self.allowed)

    def strained(self, now: float) -> None:
        """The vendor refused, failed, or is slow."""
        if now >= self.calm_from:
            self.allowed = max(1.0, self.allowed * _LESS)
            self.calm_from = now + _CALM_SECONDS

"""Requests that one may make in a window of time."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Credits of one window."""

    total: int
    window: float
    used: int = 0
    opened: float = -math.inf

    def roll(self, now: float) -> None:
        """Begin a new window when the old one is over."""
        if now - self.opened >= self.window:
            self.opened, self.used = now, 0

    @property
    def remaining(self) -> int:
        """Credits left in this window."""
        return max(0, self.total - self.used)

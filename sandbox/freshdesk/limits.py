"""The account's request budget: one general bucket and smaller ones inside it.

Recorded traffic shows that `/tickets*` share one bucket and `/contacts*` another, that a call to either also spends the general one,
and that the headers then tell the total of the smaller bucket (https://developers.freshdesk.com/api/#ratelimit gives the plan table).
"""

import math
import time
from dataclasses import dataclass

from sandbox.bucket import Bucket


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request did to the budget."""

    total: int
    remaining: int
    credits: int
    #: Seconds until the window ends; only set when the request was refused.
    retry_after: int | None = None


class Limits:
    """The buckets of one account."""

    def __init__(self, quota: int, shares: dict[str, float], window: float) -> None:
        self._general = Bucket(quota, window)
        self._inner = {name: Bucket(max(1, int(quota * share)), window) for name, share in shares.items()}

    def resize(self, quota: int, shares: dict[str, float], window: float) -> None:
        """Start over with other sizes."""
        self._general = Bucket(quota, window)
        self._inner = {name: Bucket(max(1, int(quota * share)), window) for name, share in shares.items()}

    def spend(self, area: str, cost: int) -> Spent:
        """Take credits for a request to `/api/v2/<area>`; also a refused or invalid request costs."""
        now = time.monotonic()
        inner = self._inner.get(area)
        buckets = (self._general,) if inner is None else (inner, self._general)
        for bucket in buckets:
            bucket.roll(now)
        shown = buckets[0]
        empty = next((bucket for bucket in buckets if bucket.used + cost > bucket.total), None)
        if empty is not None:
            wait = max(1, math.ceil(empty.opened + empty.window - now))
            return Spent(empty.total, empty.remaining, cost, wait)
        for bucket in buckets:
            bucket.used += cost
        return Spent(shown.total, shown.remaining, cost)

"""What a vendor lets one account spend: learned from its answers, shared by all that call with the same credential."""

import asyncio
import random
import time
from collections.abc import Mapping

from msgspec import Struct

from backend.core.errors import AppError, Code


class QuotaHeaders(Struct, frozen=True, kw_only=True):
    """The headers a vendor tells its quota in, names in any case."""

    limit: str
    remaining: str


class Quota:
    """A gate all calls pass: a call that is told to wait closes it for everybody.

    Holds only numbers, so that Sources of several event loops may share it.
    """

    def __init__(self) -> None:
        self.remaining: int | None = None
        self.limit: int | None = None
        self.waited = 0.0
        """Seconds the gate was closed in all."""
        self._opens_at = 0.0

    def learn(self, headers: Mapping[str, str], names: QuotaHeaders) -> None:
        """Take the quota from an answer; what is missing or no number changes nothing."""
        limit, remaining = headers.get(names.limit), headers.get(names.remaining)
        self.limit = _whole(limit, self.limit)
        self.remaining = _whole(remaining, self.remaining)

    def pause(self, seconds: float) -> None:
        """Close the gate for at least so long."""
        now = time.monotonic()
        until = now + seconds
        if until > self._opens_at:
            self.waited += until - max(now, self._opens_at)
            self._opens_at = until

    @property
    def closed_for(self) -> float:
        """Seconds until the gate opens, 0 where it is open."""
        return max(0.0, self._opens_at - time.monotonic())

    async def pass_gate(self, longest: float) -> None:
        """Wait until the gate is open. Raises SOURCE_RATE_LIMITED where that takes longer than `longest` seconds."""
        while (seconds := self.closed_for) > 0:
            if seconds > longest:
                raise rate_limited(seconds)
            # The spread keeps those who waited together from knocking together.
            await asyncio.sleep(seconds + random.uniform(0, 0.05))


def rate_limited(seconds: float) -> AppError:
    """The error that lets a run pause itself until the quota is back."""
    return AppError(
        Code.SOURCE_RATE_LIMITED,
        f"The helpdesk's API quota is used up; it is free again in {max(1, round(seconds))} s. The run goes on by itself then.",
        retry_after=max(1.0, seconds),
    )


def _whole(text: str | None, before: int | None) -> int | None:
    """Vendors send `100`, but also `100.0`."""
    try:
        return before if text is None else int(float(text))
    except (ValueError, OverflowError):
        return before

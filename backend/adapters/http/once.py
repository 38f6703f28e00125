"""A value that is loaded once for all who ask for it."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

_KEPT_SECONDS: Final = 900.0

T = TypeVar("T")


class Once(Generic[T]):
    """A value loaded once for all who ask at the same time, and again when it is old."""

    def __init__(self, load: Callable[[], Awaitable[T]]) -> None:
        self._load = load
        self._value: T | None = None
        self._until = 0.0
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Load it anew the next time."""
        self._until = 0.0

    @property
    def known(self) -> T | None:
        """The value as it was loaded last, however old; None while it never was."""
        return self._value

    def keep(self, value: T) -> None:
        """Take this value, and never load another."""
        self._value, self._until = value, math.inf

    async def get(self) -> T:
        """The value."""
        if self._value is not None and time.monotonic() < self._until:
            return self._value
        async with self._lock:
            if self._value is None or time.monotonic() >= self._until:
                self._value = await self._load()
                self._until = time.monotonic() + _KEPT_SECONDS
            return self._value

"""Trying a credential: a few probes that all end within two seconds (SPEC A9)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from backend.adapters.http.client import Patience
from backend.core.errors import AppError, Code
from backend.core.model.connection import Ability

_SECONDS: Final = 1.9
"""For everything together."""
_UNTOLD: Final = (Code.SOURCE_UNAVAILABLE, Code.SOURCE_RATE_LIMITED)

T = TypeVar("T")
Probe = Callable[[str, Patience], Awaitable[T]]
"""A call of a path with its query."""


class Check(Generic[T]):
    """Probes of `vendor` from now on; `unknown_host` is told where there is no account at the address."""

    def __init__(self, probe: Probe[T], *, vendor: str, unknown_host: str) -> None:
        self._probe = probe
        self._vendor = vendor
        self._unknown_host = unknown_host
        self._deadline = time.monotonic() + _SECONDS

    async def first(self, target: str) -> T:
        """What the vendor says of the credential's owner. Raises AppError in words for one who is just typing address and credential."""
        try:
            async with asyncio.timeout(self._left()):
                return await self._probe(target, self._patience(attempts=2))
        except AppError as error:
            raise self._onboarding(error) from None
        except TimeoutError:
            message = f"{self._vendor} did not answer within {_SECONDS:g} s. Try again in a moment."
            raise AppError(Code.SOURCE_UNAVAILABLE, message) from None

    async def look(self, target: str) -> T:
        """What a path has to say, at once or not at all. Raises AppError, and TimeoutError where the time is up."""
        async with asyncio.timeout(self._left()):
            return await self._probe(target, self._patience(attempts=1))

    async def ability(self, name: str, target: str, said: Callable[[AppError], str], probe: Probe[T] | None = None) -> Ability:
        """Whether a path may be read; `said` tells what a refusal means, or raises it where it concerns more than this path.

        `probe` calls it at another host of the account.
        """
        not_told = Ability(name=name, ok=False, message=f"{self._vendor} did not tell in time; the first sync will show.")
        try:
            async with asyncio.timeout(self._left()):
                await (probe or self._probe)(target, self._patience(attempts=1))
        except TimeoutError:
            return not_told
        except AppError as error:
            return not_told if error.code in _UNTOLD else Ability(name=name, ok=False, message=said(error))
        return Ability(name=name, ok=True)

    def _onboarding(self, error: AppError) -> AppError:
        if error.details.get("reason") == "unknown_host":
            message = f"{self._unknown_host} If the domain is right, this machine's network can't resolve it."
            return AppError(Code.SOURCE_HOST_UNKNOWN, message)
        return AppError(Code.SOURCE_HOST_UNKNOWN, self._unknown_host) if error.code is Code.SOURCE_ITEM_NOT_FOUND else error

    def _patience(self, *, attempts: int) -> Patience:
        # The deadline ends everything; a little more for the single call leaves the message to the one who waits.
        return Patience(seconds=self._left() + 1, attempts=attempts, longest_wait=0)

    def _left(self) -> float:
        return max(0.05, self._deadline - time.monotonic())

"""How many calls run at once, and who goes first."""

import asyncio
from collections import deque
from types import TracebackType


class Slots:
    """A semaphore with two lanes: an urgent call (a listing that feeds the others, a person waiting) goes first."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._normal: deque[asyncio.Future[None]] = deque()

    def lane(self, *, urgent: bool) -> "Lane":
        """To be entered with `async with`, once."""
        return Lane(self, urgent=urgent)

    async def acquire(self, *, urgent: bool) -> None:
        """Wait for a slot."""
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._normal).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # The slot may have been handed over in the very moment of the cancellation: it goes to the next one.
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Hand the slot to the next in line."""
        for line in (self._urgent, self._normal):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1


class Lane:
    """One stay in a slot."""

    __slots__ = ("_slots", "_urgent")

    def __init__(self, slots: Slots, *, urgent: bool) -> None:
        self._slots = slots
        self._urgent = urgent

    async def __aenter__(self) -> None:
        await self._slots.acquire(urgent=self._urgent)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._slots.release()

"""Work under way in this process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")
RESULT_SECONDS: Final = 60.0
"""So long a result waits for somebody who polls."""


class InProcessFlights:
    """Tasks by tenant and key; see the port. Close it before what the work needs."""

    def __init__(self, result_seconds: float = RESULT_SECONDS) -> None:
        self._result_seconds = result_seconds
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def join(
        self,
        company_id: str,
        key: str,
        work: Callable[[], Awaitable[T]],
        seconds: float,
        *,
        kind: type[T] | None = None,  # noqa: ARG002 - a result never leaves this process
    ) -> T | None:
        """The result, or None where it takes longer than `seconds`."""
        place = (company_id, key)
        task = self._tasks.get(place)
        if task is None:
            task = self._tasks[place] = asyncio.ensure_future(_done(work))
            task.add_done_callback(lambda done: self._landed(place, done))
        # Whoever waits may go away; the work is not theirs alone.
        finished, _ = await asyncio.wait({task}, timeout=seconds)
        if not finished:
            return None
        self._forget(place, task)
        result: T = task.result()
        return result

    async def close(self) -> None:
        """End what is under way."""
        tasks = [*self._tasks.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, place: tuple[str, str], task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            # Read here, so that a failure nobody came back for is no noise in the log.
            task.exception()
        asyncio.get_running_loop().call_later(self._result_seconds, self._forget, place, task)

    def _forget(self, place: tuple[str, str], task: asyncio.Task[Any]) -> None:
        if self._tasks.get(place) is task:
            del self._tasks[place]


async def _done(work: Callable[[], Awaitable[T]]) -> T:
    return await work()

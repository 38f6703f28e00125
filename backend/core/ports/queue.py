"""Jobs on their way."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from backend.core.model.job import Job

Handler = Callable[[Job], Awaitable[float | None]]
"""Runs a job. None: done. A number: run it again after so many seconds. It raises only what is a bug."""


class JobQueue(Protocol):
    """Takes jobs and runs them once each at a time. It may forget them: the sweeper enqueues again from the store."""

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """Take jobs; one whose key is waiting already is dropped, one whose key is running is run once more after it.

        Raises nothing where a shared queue can't be reached: the sweeper enqueues them when it is back.
        """
        ...

    async def hand_on(self, job: Job) -> bool:
        """Run a job anew that gives no sign of life; what runs of it is canceled. False where it only waits for its turn.

        Raises SHARED_STATE_UNAVAILABLE.
        """
        ...

    async def start(self, handler: Handler) -> None:
        """Begin to run jobs."""
        ...

    async def stop(self) -> None:
        """Take no more, cancel what runs (jobs are safe to run twice), wait until all is quiet.

        What this process ran or kept waiting is handed back to a queue that others share, and forgotten by one in memory.
        """
        ...

    async def rest(self, seconds: float) -> None:
        """Wait so long; less where the queue finds that it has forgotten its jobs, so that the sweeper looks at once."""
        ...

    async def depth(self) -> tuple[int, int]:
        """Waiting and running, of all processes. Raises SHARED_STATE_UNAVAILABLE."""
        ...

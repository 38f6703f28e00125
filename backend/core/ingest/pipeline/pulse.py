"""While a source is read, how far it is and what it waits for is told every few seconds.

A page may take minutes when the quota is small; and to count what is through is too dear to do it with every page.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from backend.core.errors import AppError
from backend.core.ingest.pipeline.progress import RunCanceledError
from backend.core.model.sync import RunCounts
from backend.core.ports.source import SourceQuota

_SECONDS: Final = 2.0


@asynccontextmanager
async def pulse(beat: Callable[[], Awaitable[None]], seconds: float = _SECONDS) -> AsyncIterator[None]:
    """Call `beat` every so many seconds while the body runs. One that fails is left out: whoever reads meets the same failure."""
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await over.wait()
                return
            with suppress(AppError, RunCanceledError):
                await beat()

    # Ended by an event: to cancel it could break a transaction of its own.
    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        over.set()
        await task


def with_quota(counts: RunCounts, quota: SourceQuota) -> RunCounts:
    """A run's figures with what its Source has spent and waits for."""
    return msgspec.structs.replace(
        counts,
        api_calls=quota.calls,
        api_remaining=quota.remaining,
        api_limit=quota.limit,
        api_waited_seconds=round(quota.waited_seconds, 1),
        api_waiting_for=quota.waiting_for,
        api_waiting_seconds=round(quota.waiting_seconds, 1),
    )

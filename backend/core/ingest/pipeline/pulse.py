"""While a source is read, how far it is and what it waits for is told every few seconds.

A page may take minutes when the quota is small; and to count what is through is too dear to do it with every page.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from backend.core.errors import AppError
from backend.core.ingest.pipeline.progress import RunCanceledError

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

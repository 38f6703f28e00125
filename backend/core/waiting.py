"""Work that is done whole, whoever stops waiting for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work whole. A cancellation that comes meanwhile, or several, takes effect afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # Its own failure is the lesser news then; it is looked at, so that nobody warns of it.
        task.exception()
        raise cancelled
    task.result()

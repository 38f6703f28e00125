"""Waiting for what happens by itself."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so, at most a minute."""
    async with asyncio.timeout(60):
        while not await check():
            await asyncio.sleep(0.05)

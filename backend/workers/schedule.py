"""What runs by the clock: finding what the store says is unfinished and enqueuing it (SPEC C1)."""

import asyncio

import structlog

from backend.core.errors import AppError
from backend.core.ports.services import Services

log = structlog.get_logger()

SWEEP_SECONDS = 30.0
"""How often the store is asked; a job that is waiting or running already has no twin, so asking often is safe."""


async def sweep(services: Services) -> None:
    """Enqueue every active run, and jobs for every tenant with something left to do."""
    async with services.database.directory() as directory:
        unfinished = await directory.unfinished()
    await services.queue.enqueue(unfinished)


async def sweep_forever(services: Services) -> None:
    """Sweep until canceled; a database that is away for a while only delays it."""
    while True:
        try:
            await sweep(services)
        except AppError as error:
            log.warning("sweep_failed", code=error.code.value, message=error.message)
        await asyncio.sleep(SWEEP_SECONDS)

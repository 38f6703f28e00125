"""The reading side of webhooks: what was noted is read, and is never lost before it was."""

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Retry
from backend.core.ingest.pipeline.nudged import COLLECT, read_due
from backend.core.model.connection import ConnectionState
from backend.core.ports.services import Services


async def read_nudges(services: Services, company_id: str, connection_id: str) -> float | None:
    """Read what webhooks told of. None: nothing is left; a number: call again after so many seconds.

    What is noted for a paused or broken connection waits until it is active again. Raises what the Source raises when it is down.
    """
    async with services.database.open(company_id) as uow:
        connection = await uow.connections.get(connection_id)
        if connection is None:
            # The connection went while a delivery came in: this also forgets what that left.
            await uow.connections.delete(connection_id)
            return None
    if connection.state is not ConnectionState.ACTIVE:
        return None
    try:
        await read_due(services, company_id, connection)
    except AppError as error:
        if error.retry is Retry.CREDENTIALS:
            await _break(services, company_id, connection_id, error)
        raise
    async with services.database.open(company_id) as uow:
        connection = await uow.connections.get(connection_id)
        if connection is None or connection.state is not ConnectionState.ACTIVE:
            return None
        left = await uow.nudges.due(connection_id, None, 1)
    return max(0.05, (left[0].at + COLLECT - clock.now()).total_seconds()) if left else None


async def _break(services: Services, company_id: str, connection_id: str, error: AppError) -> None:
    """An admin has to act, as after a run that was rejected."""
    async with services.database.open(company_id, write=True) as uow:
        connection = await uow.connections.get(connection_id)
        if connection is not None and connection.state is ConnectionState.ACTIVE:
            await uow.connections.put(msgspec.structs.replace(connection, state=ConnectionState.BROKEN, state_reason=error.message))

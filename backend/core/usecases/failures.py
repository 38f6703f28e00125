"""Items that could not be taken: seen with what the helpdesk sent, tried again on demand, or given up (SPEC A9)."""

from collections.abc import Sequence

from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.progress import open_run
from backend.core.model.connection import ConnectionState
from backend.core.model.document import DocType
from backend.core.model.sync import Failures, ItemFailure, Run, RunMode, RunOptions
from backend.core.model.tenant import Caller
from backend.core.ports.database import UnitOfWork
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services

Named = tuple[DocType, str]
"""An item by its kind and the helpdesk's id."""


async def list_failures(services: Services, company_id: str, connection_id: str, *, limit: int, after: str | None) -> Failures:
    """A page of what could not be taken, tried longest ago first. Raises CONNECTION_NOT_FOUND, INVALID_REQUEST for a strange cursor."""
    async with services.database.open(company_id) as uow:
        await connection_of(uow, connection_id)
        items, following = await uow.sync.list_failures(connection_id, limit, after=after)
        return Failures(items=items, total=await uow.sync.count_failures(connection_id), next=following)


async def get_failure(services: Services, company_id: str, caller: Caller, connection_id: str, item: Named) -> ItemFailure:
    """One of them with its payload, which may hold private notes: the look at it is audited. Raises FAILURE_NOT_FOUND."""
    async with services.database.open(company_id) as uow:
        failure = await _existing(uow, connection_id, item)
        await uow.audit.add(caller.audited("failure.read", connection_id, item=f"{item[0].value} {item[1]}"))
    return failure


async def retry_failures(services: Services, company_id: str, caller: Caller, connection_id: str, items: Sequence[Named]) -> Run:
    """Try these again, or all of them where none is named, in a run that reads nothing else.

    Raises CONNECTION_NOT_FOUND, FAILURE_NOT_FOUND, CONNECTION_PAUSED, and RUN_ACTIVE where a run is under way.
    """
    async with services.database.open(company_id, write=True) as uow:
        connection = await connection_of(uow, connection_id)
        if connection.state is not ConnectionState.ACTIVE:
            reason = f": {connection.state_reason}" if connection.state_reason else ""
            raise AppError(Code.CONNECTION_PAUSED, f"The connection is {connection.state.value}{reason}. Resume it, then try again.")
        for item in items:
            await _existing(uow, connection_id, item)
        return await open_run(uow, connection, RunOptions(mode=RunMode.FAILURES, items=tuple(dict.fromkeys(items))), caller=caller)


async def dismiss_failure(services: Services, company_id: str, caller: Caller, connection_id: str, item: Named) -> None:
    """Don't try it any more. It is read again when it changes, or by a full sync. Raises FAILURE_NOT_FOUND."""
    async with services.database.open(company_id, write=True) as uow:
        await _existing(uow, connection_id, item)
        await uow.sync.clear_failures(connection_id, item[0], [item[1]])
        await uow.audit.add(caller.audited("failure.dismiss", connection_id, item=f"{item[0].value} {item[1]}"))


async def _existing(uow: UnitOfWork, connection_id: str, item: Named) -> ItemFailure:
    doc_type, original_id = item
    failure = await uow.sync.get_failure(connection_id, doc_type, original_id)
    if failure is None:
        raise AppError(
            Code.FAILURE_NOT_FOUND,
            f"That item is not known to have failed; list what did with GET /api/v1/connections/{connection_id}/failures.",
        )
    return failure

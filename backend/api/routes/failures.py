"""Items that could not be taken: see them with their payload, try them again, give them up (SPEC A9)."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from backend.api.deps import ConnectionsCaller, IngestCaller, RunsCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API, started
from backend.api.schemas.failures import FailedItemOut, FailureOut, FailuresOut, RetryIn
from backend.api.schemas.sync import RunOut
from backend.core.errors import Code
from backend.core.model.document import DocType
from backend.core.model.sync import Failures, Run
from backend.core.usecases import failures

router = APIRouter(prefix=f"{API}/connections/{{connection_id}}/failures", tags=["failures"])

_PAYLOAD_CHARS: Final = 64_000

ConnectionId = Annotated[str, Path(max_length=100)]
OriginalId = Annotated[str, Path(max_length=200)]


@router.get("", response_model=FailuresOut, responses=problems(Code.CONNECTION_NOT_FOUND))
async def list_failures(
    *,
    services: ServicesDep,
    caller: RunsCaller,
    connection_id: ConnectionId,
    limit: int = Query(100, ge=1, le=1_000),
    after: str | None = Query(None, max_length=700, description="`next` of the page before."),
) -> Failures:
    """Items that could not be taken, tried longest ago first; they are tried first next time."""
    return await failures.list_failures(services, caller.company_id, connection_id, limit=limit, after=after)


@router.post(
    "/retry",
    status_code=202,
    response_model=RunOut,
    responses=problems(Code.CONNECTION_NOT_FOUND, Code.CONNECTION_PAUSED, Code.FAILURE_NOT_FOUND, Code.RUN_ACTIVE, body=True),
)
async def retry_failures(
    body: RetryIn, services: ServicesDep, caller: IngestCaller, connection_id: ConnectionId, response: Response
) -> Run:
    """Try some or all of them again now, in a run that reads nothing else."""
    items = [(each.doc_type, each.original_id) for each in body.items]
    run = await failures.retry_failures(services, caller.company_id, caller, connection_id, items)
    return started(run, response)


@router.get("/{doc_type}/{original_id}", response_model=FailedItemOut, responses=problems(Code.FAILURE_NOT_FOUND))
async def get_failure(
    services: ServicesDep, caller: ConnectionsCaller, connection_id: ConnectionId, doc_type: DocType, original_id: OriginalId
) -> FailedItemOut:
    """One of them with what the helpdesk sent, which may hold private notes."""
    failure = await failures.get_failure(services, caller.company_id, caller, connection_id, (doc_type, original_id))
    payload = None if failure.raw is None else failure.raw.decode("utf-8", "replace")[:_PAYLOAD_CHARS]
    return FailedItemOut(**FailureOut.model_validate(failure).model_dump(), payload=payload)


@router.delete("/{doc_type}/{original_id}", status_code=204, responses=problems(Code.FAILURE_NOT_FOUND))
async def dismiss_failure(
    services: ServicesDep, caller: IngestCaller, connection_id: ConnectionId, doc_type: DocType, original_id: OriginalId
) -> None:
    """Don't try it any more; it is read again when it changes, or by a full sync."""
    await failures.dismiss_failure(services, caller.company_id, caller, connection_id, (doc_type, original_id))

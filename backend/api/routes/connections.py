"""Connections to helpdesks, for a tenant's admins; credentials go in and never come out."""

from collections.abc import Mapping

from fastapi import APIRouter, Path, Query
from pydantic import SecretStr

from backend.api.deps import ConnectionsCaller, ServicesDep
from backend.api.errors import SOURCE, problems
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.connections import ConnectionIn, ConnectionOut, ConnectionPatch, DisconnectedOut, ReportOut, ScheduleIn
from backend.api.schemas.sync import HeldDecisionIn, HeldDecisionOut, HeldDeletionOut, HeldDeletionsOut
from backend.core.errors import Code
from backend.core.model.connection import Connection, CredentialReport
from backend.core.model.schedule import Schedule
from backend.core.model.tenant import Secret
from backend.core.usecases import connections, deletions, schedule

router = APIRouter(prefix=f"{API}/connections", tags=["connections"])


@router.post("", status_code=201, response_model=ConnectionOut, responses=problems(Code.CONNECTION_EXISTS, *SOURCE, body=True))
async def connect(body: ConnectionIn, services: ServicesDep, caller: ConnectionsCaller) -> Connection:
    """Connect a helpdesk: the credentials are verified with it first, then kept encrypted."""
    return await connections.connect(services, caller.company_id, _wanted(body), caller=caller)


@router.post("/check", response_model=ReportOut, responses=problems(*SOURCE, body=True))
async def check_connection(body: ConnectionIn, services: ServicesDep, caller: ConnectionsCaller) -> CredentialReport:
    """Verify credentials and tell what they can read; nothing is saved."""
    return await connections.check_connection(services, caller.company_id, _wanted(body))


@router.get("", response_model=Items[ConnectionOut], responses=problems())
async def list_connections(services: ServicesDep, caller: ConnectionsCaller) -> dict[str, list[Connection]]:
    """All connections, oldest first."""
    return {"items": await connections.list_connections(services, caller.company_id)}


@router.get("/{connection_id}", response_model=ConnectionOut, responses=problems(Code.CONNECTION_NOT_FOUND))
async def get_connection(services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)) -> Connection:
    """One connection with its state."""
    return await connections.get_connection(services, caller.company_id, connection_id)


@router.patch("/{connection_id}", response_model=ConnectionOut, responses=problems(Code.CONNECTION_NOT_FOUND, *SOURCE, body=True))
async def change_connection(
    body: ConnectionPatch, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)
) -> Connection:
    """Pause, resume, or replace the credentials (verified before they replace the old ones)."""
    change = connections.ConnectionChange(state=body.state, credentials=None if body.credentials is None else _secrets(body.credentials))
    return await connections.change_connection(services, caller.company_id, connection_id, change, caller=caller)


@router.delete("/{connection_id}", response_model=DisconnectedOut, responses=problems(Code.CONNECTION_NOT_FOUND, Code.INDEX_UNAVAILABLE))
async def disconnect(
    services: ServicesDep,
    caller: ConnectionsCaller,
    connection_id: str = Path(max_length=100),
    keep_documents: bool = Query(False, description="Keep what was read; without the connection it is never updated again."),
) -> connections.Disconnected:
    """Forget a connection and its credentials, and what was read over it."""
    return await connections.disconnect(services, caller.company_id, connection_id, keep_documents=keep_documents, caller=caller)


@router.put("/{connection_id}/schedule", response_model=ConnectionOut, responses=problems(Code.CONNECTION_NOT_FOUND, body=True))
async def set_schedule(
    body: ScheduleIn, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)
) -> Connection:
    """Sync it by this schedule from now on."""
    every = None if body.every_minutes is None else round(body.every_minutes * 60)
    wanted = Schedule(every_seconds=every, cron=body.cron, timezone=body.timezone)
    return await schedule.set_schedule(services, caller.company_id, connection_id, wanted, caller)


@router.delete("/{connection_id}/schedule", response_model=ConnectionOut, responses=problems(Code.CONNECTION_NOT_FOUND))
async def drop_schedule(services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)) -> Connection:
    """Sync it only when somebody asks."""
    return await schedule.set_schedule(services, caller.company_id, connection_id, None, caller)


@router.get("/{connection_id}/deletions", response_model=HeldDeletionsOut, responses=problems(Code.CONNECTION_NOT_FOUND))
async def list_held_deletions(
    services: ServicesDep,
    caller: ConnectionsCaller,
    connection_id: str = Path(max_length=100),
    limit: int = Query(100, ge=1, le=1_000),
) -> HeldDeletionsOut:
    """Items that seem to be gone, too many at once to delete them without asking; they are still found."""
    held = await deletions.list_held(services, caller.company_id, connection_id, limit)
    items = [
        HeldDeletionOut(
            doc_type=each.held.doc_type,
            original_id=each.held.original_id,
            document_id=each.document_id,
            title=each.title,
            presence=each.held.presence,
            at=each.held.at,
        )
        for each in held.items
    ]
    return HeldDeletionsOut(items=items, total=held.total)


@router.post(
    "/{connection_id}/deletions",
    response_model=HeldDecisionOut,
    responses=problems(Code.CONNECTION_NOT_FOUND, Code.INDEX_UNAVAILABLE, body=True),
)
async def decide_on_held_deletions(
    body: HeldDecisionIn, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)
) -> HeldDecisionOut:
    """Delete all of them, or keep them."""
    if body.delete:
        return HeldDecisionOut(deleted=await deletions.delete_held(services, caller.company_id, connection_id, caller), kept=0)
    return HeldDecisionOut(deleted=0, kept=await deletions.keep_held(services, caller.company_id, connection_id, caller))


def _wanted(body: ConnectionIn) -> connections.ConnectionInput:
    return connections.ConnectionInput(
        platform=body.platform, domain=body.domain, base_url=body.base_url, credentials=_secrets(body.credentials)
    )


def _secrets(credentials: Mapping[str, SecretStr]) -> dict[str, Secret]:
    return {name: Secret(value.get_secret_value()) for name, value in credentials.items()}

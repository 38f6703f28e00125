"""Syncs: start one, watch it, stop it, see what could not be taken (SPEC C8)."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from backend.api.deps import IngestCaller, RunsCaller, ServicesDep
from backend.api.errors import SOURCE, problems, request_id_of
from backend.api.routes import API, started
from backend.api.schemas.base import Page
from backend.api.schemas.estimate import EstimateOut
from backend.api.schemas.sync import IngestIn, RunOut
from backend.api.sse import EVENTS, EventStream, event_stream
from backend.core.errors import Code
from backend.core.model.stream import Event
from backend.core.model.sync import Run, RunOptions
from backend.core.ports.services import Services
from backend.core.usecases import estimates, sync

router = APIRouter(prefix=API, tags=["sync"])

LOOK_SECONDS: Final = 0.5
"""How often a watched run is looked at; people don't see more."""


@router.post(
    "/ingest",
    status_code=202,
    response_model=RunOut,
    responses=problems(Code.CONNECTION_NOT_FOUND, Code.CONNECTION_PAUSED, Code.RUN_ACTIVE, body=True),
)
async def start_run(body: IngestIn, services: ServicesDep, caller: IngestCaller, response: Response) -> Run:
    """Start a sync; it goes on in the background."""
    run = await sync.start_run(services, caller.company_id, body.connection_id, _options(body), caller=caller)
    return started(run, response)


@router.post("/ingest/estimate", response_model=EstimateOut, responses=problems(Code.CONNECTION_NOT_FOUND, *SOURCE, body=True))
async def estimate_run(body: IngestIn, services: ServicesDep, caller: IngestCaller) -> estimates.Estimate:
    """A dry run: what a sync with these options would read, call and cost, by the listings and by what was done before. Writes nothing."""
    return await estimates.estimate_run(services, caller.company_id, body.connection_id, _options(body))


@router.get("/runs", response_model=Page[RunOut], responses=problems())
async def list_runs(
    *,
    services: ServicesDep,
    caller: RunsCaller,
    connection_id: str | None = Query(None, max_length=100),
    limit: int = Query(20, ge=1, le=200),
    after: str | None = Query(None, max_length=500, description="`next` of the page before."),
) -> dict[str, Any]:
    """Runs, newest first."""
    items, following = await sync.list_runs(services, caller.company_id, connection_id, limit=limit, after=after)
    return {"items": items, "next": following}


@router.get("/runs/{run_id}", response_model=RunOut, responses=problems(Code.RUN_NOT_FOUND))
async def get_run(services: ServicesDep, caller: RunsCaller, run_id: str = Path(max_length=100)) -> Run:
    """How a run goes."""
    return await sync.get_run(services, caller.company_id, run_id)


@router.get("/runs/{run_id}/events", response_class=EventStream, responses={**EVENTS, **problems(Code.RUN_NOT_FOUND)})
async def watch_run(request: Request, services: ServicesDep, caller: RunsCaller, run_id: str = Path(max_length=100)) -> EventStream:
    """Event stream: `progress` with the run whenever it changes, `done` with the run at its end (or `error`), then it closes."""
    return await event_stream(
        _progress(services, caller.company_id, run_id), request_id=request_id_of(request.scope), streams=request.app.state.streams
    )


@router.post("/runs/{run_id}/cancel", response_model=RunOut, responses=problems(Code.RUN_NOT_FOUND))
async def cancel_run(services: ServicesDep, caller: IngestCaller, run_id: str = Path(max_length=100)) -> Run:
    """Stop a run at its next page; what it has stored stays. One that has ended is left as it is."""
    return await sync.cancel_run(services, caller.company_id, run_id, caller=caller)


def _options(body: IngestIn) -> RunOptions:
    return RunOptions(
        mode=body.mode,
        streams=body.streams,
        since=body.since,
        until=body.until,
        limit=body.limit,
        statuses=tuple(status.value for status in body.statuses),
    )


async def _progress(services: Services, company_id: str, run_id: str) -> AsyncGenerator[Event]:
    before: bytes | None = None
    while True:
        run = await sync.get_run(services, company_id, run_id)
        data = RunOut.model_validate(run).model_dump_json().encode()
        if run.state.ended:
            yield Event(name="done", data=data)
            return
        if data != before:
            yield Event(name="progress", data=data)
            before = data
        await asyncio.sleep(LOOK_SECONDS)

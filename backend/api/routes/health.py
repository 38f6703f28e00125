"""Whether it lives, whether it can work, and its metrics; for probes and Prometheus, without a key."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from backend.api.deps import ServicesDep
from backend.api.errors import problems
from backend.api.schemas.health import DependencyOut, LiveOut, ReadyOut
from backend.core.errors import AppError, Code
from backend.core.usecases.health import Dependency, DependencyState, probe_dependencies

router = APIRouter(tags=["health"])

LOW_DISK_BYTES: Final = 500_000_000
AGAIN_SECONDS: Final = 5.0
"""When to ask again while something is down."""


@router.get("/health", response_model=ReadyOut, responses=problems(key=False))
@router.get("/health/ready", response_model=ReadyOut, responses=problems(key=False))
async def ready(request: Request, services: ServicesDep) -> ReadyOut:
    """Whether requests can be served, by dependency; 503 when one that is needed is down."""
    found = await probe_dependencies(services)
    if (data_dir := request.app.state.data_dir) is not None:
        found.append(await asyncio.to_thread(_disk, data_dir))
    out = [DependencyOut.model_validate(each) for each in found]
    down = [each.name for each in found if each.state is DependencyState.DOWN]
    if down:
        code = Code.STORAGE_UNAVAILABLE if "database" in down else Code.INDEX_UNAVAILABLE
        details = {"dependencies": [each.model_dump(mode="json") for each in out]}
        raise AppError(code, f"Not ready: {', '.join(down)}.", details=details, retry_after=AGAIN_SECONDS)
    low = any(each.state is DependencyState.LOW for each in found)
    return ReadyOut(status="degraded" if low else "ok", dependencies=out)


@router.get("/health/live", response_model=LiveOut, responses=problems(key=False))
async def live(request: Request) -> LiveOut:
    """The process answers; nothing else is asked."""
    return LiveOut(version=request.app.version)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **problems(key=False)})
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Metrics in Prometheus' text format; no label names a tenant."""
    # Everything else is told also while the queue can't be asked.
    with suppress(AppError):
        waiting, running = await services.queue.depth()
        services.meter.level("jobs_waiting", waiting)
        services.meter.level("jobs_running", running)
    if (data_dir := request.app.state.data_dir) is not None:
        services.meter.level("disk_free_bytes", (await asyncio.to_thread(shutil.disk_usage, data_dir)).free)
    body, content_type = request.app.state.render_metrics()
    return Response(body, headers={"Content-Type": content_type})


def _disk(data_dir: Path) -> Dependency:
    free = shutil.disk_usage(data_dir).free
    state = DependencyState.OK if free >= LOW_DISK_BYTES else DependencyState.LOW
    return Dependency(name="disk", state=state, detail=f"{free // 1_000_000:,} MB free")

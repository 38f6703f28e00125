"""One person's data, for a company's admins: all that is held, and its erasure (SPEC D5)."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Response
from starlette.responses import StreamingResponse

from backend.api.deps import PeopleCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.people import CountedOut, EraseIn, ErasureOut, PersonIn
from backend.core.errors import Code
from backend.core.ingest.pipeline.person_look import Finding
from backend.core.model.erasure import Erasure, Named
from backend.core.usecases import people

router = APIRouter(prefix=f"{API}/people", tags=["people"])

_JSON: Final = {"application/json": {"schema": {"type": "object", "properties": {"items": {"type": "array"}}}}}


@router.post(
    "/export",
    response_class=Response,
    responses={
        200: {"description": 'Everything, as `{"items": […]}`; it is sent while it is found.', "content": _JSON},
        **problems(body=True),
    },
)
async def export_person(body: PersonIn, services: ServicesDep, caller: PeopleCaller) -> Response:
    """All that is held about one person."""
    found = await people.export_person(services, caller.company_id, _named(body), caller=caller)
    headers = {"Content-Disposition": 'attachment; filename="person.json"', "Cache-Control": "no-store"}
    return StreamingResponse(_written(found), media_type="application/json", headers=headers)


@router.post(
    "/erase",
    status_code=202,
    response_model=ErasureOut | CountedOut,
    responses={200: {"description": "With `dry_run`: what would be touched.", "model": CountedOut}, **problems(body=True)},
)
async def erase_person(body: EraseIn, services: ServicesDep, caller: PeopleCaller, response: Response) -> Any:
    """Erase one person wherever they are; it goes on by itself, and what the helpdesk sends of them later is erased on arrival."""
    if body.dry_run:
        response.status_code = 200
        return {"dry_run": True, "held": await people.count_person(services, caller.company_id, _named(body), caller=caller)}
    erasure = await people.start_erasure(services, caller.company_id, _named(body), attachments=body.attachments, caller=caller)
    response.headers["Location"] = f"{API}/people/erasures/{erasure.erasure_id}"
    return erasure


@router.get("/erasures", response_model=Items[ErasureOut], responses=problems())
async def list_erasures(services: ServicesDep, caller: PeopleCaller, limit: int = Query(100, ge=1, le=1_000)) -> dict[str, list[Erasure]]:
    """Erasures, newest first."""
    return {"items": await people.list_erasures(services, caller.company_id, limit)}


@router.get("/erasures/{erasure_id}", response_model=ErasureOut, responses=problems(Code.ERASURE_NOT_FOUND))
async def get_erasure(services: ServicesDep, caller: PeopleCaller, erasure_id: str = Path(max_length=100)) -> Erasure:
    """How one goes."""
    return await people.get_erasure(services, caller.company_id, erasure_id)


def _named(body: PersonIn) -> Named:
    return Named(email=body.email, phone=body.phone, person_id=body.person_id)


async def _written(found: AsyncIterator[Finding]) -> AsyncIterator[bytes]:
    yield b'{"items": ['
    before = b"\n"
    async for finding in found:
        yield before + msgspec.json.encode(finding)
        before = b",\n"
    yield b"\n]}\n"

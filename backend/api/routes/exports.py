"""Exports of everything that is kept of a company, for its admins (SPEC D5)."""

from typing import Final

from fastapi import APIRouter, Path, Query, Request, Response

from backend.api.deps import ExportsCaller, ServicesDep
from backend.api.errors import problems
from backend.api.links import linked
from backend.api.ranges import file_responses, ranged
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.exports import ExportOut
from backend.core.errors import Code
from backend.core.model.export import Export
from backend.core.usecases import exports

router = APIRouter(prefix=f"{API}/exports", tags=["exports"])

ExportId = Path(max_length=100)
ZIP: Final = "application/zip"


@router.post("", status_code=202, response_model=ExportOut, responses=problems(Code.EXPORT_ACTIVE, Code.EXPORTS_KEPT))
async def start_export(services: ServicesDep, caller: ExportsCaller, response: Response) -> Export:
    """Start an export of everything that is kept of the company; it goes on in the background."""
    export = await exports.start_export(services, caller.company_id, caller=caller)
    response.headers["Location"] = f"{API}/exports/{export.export_id}"
    return export


@router.get("", response_model=Items[ExportOut], responses=problems())
async def list_exports(services: ServicesDep, caller: ExportsCaller) -> dict[str, list[Export]]:
    """Exports, newest first."""
    return {"items": await exports.list_exports(services, caller.company_id)}


@router.get("/{export_id}", response_model=ExportOut, responses=problems(Code.EXPORT_NOT_FOUND))
async def get_export(services: ServicesDep, caller: ExportsCaller, export_id: str = ExportId) -> Export:
    """How one goes."""
    return await exports.get_export(services, caller.company_id, export_id)


@router.get(
    "/{export_id}/download",
    response_class=Response,
    responses={
        **file_responses(ZIP),
        307: {"description": "The file is at a link that is valid for a short while (DESKLORE_BLOB_REDIRECT_SECONDS)."},
        **problems(Code.EXPORT_NOT_FOUND, Code.EXPORT_NOT_READY, Code.RANGE_NOT_SATISFIABLE),
    },
)
async def download_export(
    *,
    request: Request,
    services: ServicesDep,
    caller: ExportsCaller,
    export_id: str = ExportId,
    redirect: bool = Query(default=True, description="`false`: never send me on to a link, give me the bytes here."),
) -> Response:
    """The zip: a file of JSON lines for each table, and the company's files; one range at a time."""
    opened = await exports.open_export(services, caller.company_id, export_id, caller=caller)
    name = f"desklore-{caller.company_id}-{opened.export.created_at:%Y%m%dT%H%M%SZ}.zip"
    headers = {
        "Content-Type": ZIP,
        "Content-Disposition": f'attachment; filename="{name}"',
        "ETag": f'"{opened.export.sha256}"',
        "Cache-Control": "private, no-store",
    }
    seconds = services.policy.blob_redirect_seconds if redirect else 0
    shown = {"content_type": ZIP, "disposition": headers["Content-Disposition"]}
    if (elsewhere := await linked(request, opened.blobs, opened.export.key, seconds=seconds, **shown)) is not None:
        return elsewhere
    return ranged(request, opened.export.size, opened.read, headers)


@router.delete("/{export_id}", response_model=ExportOut, responses=problems(Code.EXPORT_NOT_FOUND))
async def delete_export(services: ServicesDep, caller: ExportsCaller, export_id: str = ExportId) -> Export:
    """Delete an export and its file, and stop it where it is under way; the answer is what it was."""
    return await exports.delete_export(services, caller.company_id, export_id, caller=caller)

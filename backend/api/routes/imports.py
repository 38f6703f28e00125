"""Imports of account exports: one file in place of a call for every ticket."""

import re
import tempfile
from pathlib import Path as FilePath
from typing import Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime

from backend.api.deps import IngestCaller, ServicesDep
from backend.api.errors import problems
from backend.api.multipart import FIELD, save_upload
from backend.api.routes import API, started
from backend.api.schemas.sync import RunOut
from backend.core.errors import AppError, Code
from backend.core.model.sync import Run
from backend.core.usecases import imports

router = APIRouter(prefix=f"{API}/connections", tags=["sync"])

PATH: Final = re.compile(rf"{API}/connections/[^/]+/imports")
"""Takes a file, which is larger than other bodies may be."""
_FILE: Final = {"type": "string", "format": "binary"}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _FILE}}},
            "application/zip": {"schema": _FILE},
        },
    }
}
_CODES: Final = (
    Code.CONNECTION_NOT_FOUND,
    Code.RUN_ACTIVE,
    Code.INVALID_REQUEST,
    Code.EXPORT_UNREADABLE,
    Code.EXPORT_TOO_LARGE,
    Code.EXPORT_UNSUPPORTED,
)


@router.post(
    "/{connection_id}/imports", status_code=202, response_model=RunOut, responses=problems(*_CODES, body=True), openapi_extra=_BODY
)
async def import_export(
    *,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: IngestCaller,
    connection_id: str = Path(max_length=100),
    name: str = Query("", max_length=200, description="What people call the file, where the body is the file itself."),
    made_at: AwareDatetime | None = Query(
        None, description="When the helpdesk began to make the export; where left out, it is told by the file and a day is read anew."
    ),
) -> Run:
    """Import an account export (the zip, as the helpdesk gives it) into a connection; it goes on in the background, as a run."""
    # Before a file of gigabytes comes in.
    await imports.check_import(services, caller.company_id, connection_id)
    most = services.policy.import_max_bytes
    more = AppError(Code.EXPORT_TOO_LARGE, f"The file has more than {most:,} bytes; raise DESKLORE_IMPORT_MAX_BYTES to take it.")
    with tempfile.NamedTemporaryFile(prefix="desklore-upload-") as scratch:
        given = await save_upload(request, scratch, most, more)
        upload = imports.Upload(path=FilePath(scratch.name), name=given or name, made_at=made_at)
        run = await imports.start_import(services, caller.company_id, connection_id, upload, caller=caller)
    return started(run, response)

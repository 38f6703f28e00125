"""Uploads to a connection of files in three steps, so that the bytes need not pass the API: begin, PUT, commit."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any, Final

from fastapi import APIRouter, Path, Request, Response

from backend.api.deps import ConnectionsCaller, ServicesDep
from backend.api.errors import problems
from backend.api.multipart import save_upload
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.files import UploadOut
from backend.api.schemas.uploads import UploadBegunOut, UploadIn
from backend.core.errors import AppError, Code
from backend.core.model.upload import Upload
from backend.core.usecases import uploads

router = APIRouter(prefix=f"{API}/connections/{{connection_id}}/uploads", tags=["connections"])

PATH: Final = re.compile(rf"{API}/connections/[^/]+/uploads/[^/]+/content")
"""Takes a file, which is larger than other bodies may be."""
_BYTES: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
ConnectionId = Path(max_length=100)
UploadId = Path(pattern=r"^[a-z0-9_]{1,100}$")


@router.post(
    "",
    status_code=201,
    response_model=UploadBegunOut,
    responses=problems(Code.CONNECTION_NOT_FOUND, Code.ATTACHMENT_TOO_LARGE, Code.ATTACHMENT_EMPTY, body=True),
)
async def begin_upload(
    body: UploadIn, request: Request, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId
) -> UploadBegunOut:
    """Announce a file; its bytes are then PUT to `upload_url`, and the upload is committed."""
    announced = uploads.Announced(name=body.filename, size=body.size, sha256=body.sha256)
    begun = await uploads.begin_upload(services, caller, connection_id, announced, direct=body.direct)
    here = (request.app.state.public_url or str(request.base_url)).rstrip("/") + request.url.path.rstrip("/")
    return UploadBegunOut(
        upload_id=begun.upload.upload_id,
        upload_url=begun.link.url if begun.link is not None else f"{here}/{begun.upload.upload_id}/content",
        headers=begun.link.headers if begun.link is not None else {},
        direct=begun.link is not None,
        expires_at=begun.upload.expires_at,
    )


@router.put(
    "/{upload_id}/content",
    status_code=204,
    responses=problems(Code.UPLOAD_NOT_FOUND, Code.ATTACHMENT_TOO_LARGE, body=True),
    openapi_extra=_BYTES,
)
async def put_content(
    request: Request, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId, upload_id: str = UploadId
) -> Response:
    """The bytes of an upload, as the body; once more: in place of those before."""
    upload = await uploads.expected_upload(services, caller.company_id, connection_id, upload_id)
    more = AppError(Code.ATTACHMENT_TOO_LARGE, f"{upload.name} was announced with {upload.size:,} bytes, and more came.")
    with tempfile.NamedTemporaryFile(prefix="desklore-upload-") as scratch:
        await save_upload(request, scratch, upload.size, more)
        await uploads.put_upload(services, caller.company_id, upload, FilePath(scratch.name))
    return Response(status_code=204)


@router.post(
    "/{upload_id}/commit",
    status_code=201,
    response_model=Items[UploadOut],
    responses=problems(
        Code.CONNECTION_NOT_FOUND,
        Code.UPLOAD_NOT_FOUND,
        Code.ATTACHMENT_NOT_FOUND,
        Code.ATTACHMENT_TOO_LARGE,
        Code.ATTACHMENT_EMPTY,
        Code.ATTACHMENT_UNREADABLE,
        Code.EXPORT_UNREADABLE,
        Code.EXPORT_TOO_LARGE,
    ),
)
async def commit_upload(
    services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId, upload_id: str = UploadId
) -> dict[str, Sequence[Upload]]:
    """Check what came and keep it for the next sync; a file of the same name is replaced, a zip unpacked."""
    return {"items": await uploads.commit_upload(services, caller, connection_id, upload_id)}

"""Files of a connection: uploaded, listed, deleted, and shown as they would be read."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from backend.api.deps import ConnectionsCaller, ServicesDep
from backend.api.errors import SOURCE, problems
from backend.api.routes import API
from backend.api.schemas.base import Items
from backend.api.schemas.files import DeclarationIn, DeclarationOut, FileOut, FilesDeletedOut, PreviewOut, UploadOut
from backend.core.errors import AppError, Code
from backend.core.model.preview import FileState, Preview
from backend.core.model.upload import Upload
from backend.core.usecases import files

router = APIRouter(prefix=f"{API}/connections/{{connection_id}}/files", tags=["connections"])

PATH: Final = re.compile(rf"{API}/connections/[^/]+/files(/preview)?")
"""Takes files, which are larger than other bodies may be; they are written to the disk piece by piece, once it is known who sends them."""
_MOST: Final = 100
"""Files in one upload; more come as a zip."""
_REFUSED: Final = (
    Code.CONNECTION_NOT_FOUND,
    Code.ATTACHMENT_TOO_LARGE,
    Code.ATTACHMENT_EMPTY,
    Code.ATTACHMENT_ENCRYPTED,
    Code.ATTACHMENT_UNREADABLE,
)
_FILE: Final = {"type": "string", "format": "binary"}
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}}},
    }
}
_LOOK: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": _FILE,
                        "path": {"type": "string", "description": "Instead of a file: one that the connection has."},
                        "declaration": {"type": "string", "description": "YAML for this file."},
                    },
                }
            }
        },
    }
}
ConnectionId = Path(max_length=100)


@router.post("", status_code=201, response_model=Items[UploadOut], openapi_extra=_UPLOAD, responses=problems(*_REFUSED, body=True))
async def upload_files(
    request: Request, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId
) -> dict[str, Sequence[Upload]]:
    """Upload files (each a part `file`) or zips for the next sync to read; a file of the same name is replaced."""
    await files.check_connection(services, caller.company_id, connection_id)
    kept: list[Upload] = []
    async with _form(request) as form:
        parts = [part for part in form.getlist("file") if isinstance(part, UploadFile)]
        if not parts:
            raise AppError(Code.INVALID_REQUEST, "Send multipart/form-data with at least one part `file`.")
        for part in parts:
            kept += await files.upload_file(services, caller, connection_id, part.file, part.filename or "")
    return {"items": kept}


@router.get("", response_model=Items[FileOut], responses=problems(Code.CONNECTION_NOT_FOUND, *SOURCE))
async def list_files(services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId) -> dict[str, Sequence[FileState]]:
    """All files that the connection reads: of its folder or bucket, and uploads."""
    return {"items": await files.list_files(services, caller.company_id, connection_id)}


@router.post("/preview", response_model=PreviewOut, openapi_extra=_LOOK, responses=problems(*_REFUSED, *SOURCE, body=True))
async def preview_file(request: Request, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId) -> Preview:
    """How a file would be read: which column is what, its first tickets, and rows that make no sense. Nothing is kept."""
    await files.check_connection(services, caller.company_id, connection_id)
    async with _form(request) as form:
        declaration = str(form.get("declaration") or "").encode()
        part, path = form.get("file"), form.get("path")
        if isinstance(part, UploadFile):
            return await files.preview_file(
                services, caller.company_id, connection_id, part.file, part.filename or "", declaration=declaration
            )
        if not isinstance(path, str) or not path:
            raise AppError(Code.INVALID_REQUEST, "Send multipart/form-data with a part `file`, or with `path`.")
        return await files.preview_kept(services, caller.company_id, connection_id, path, declaration)


@router.get("/declaration", response_model=DeclarationOut, responses=problems(Code.CONNECTION_NOT_FOUND))
async def get_declaration(services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId) -> DeclarationOut:
    """What is declared of the connection's files."""
    return DeclarationOut(yaml=(await files.declared(services, caller.company_id, connection_id)).decode())


@router.put("/declaration", response_model=DeclarationOut, responses=problems(Code.CONNECTION_NOT_FOUND, body=True))
async def put_declaration(
    body: DeclarationIn, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = ConnectionId
) -> DeclarationOut:
    """Say which column is what, by patterns of file names; the next sync reads the files it concerns anew."""
    await files.declare(services, caller, connection_id, body.yaml.encode())
    return DeclarationOut(yaml=body.yaml)


@router.delete("", response_model=FilesDeletedOut, responses=problems(Code.CONNECTION_NOT_FOUND, Code.ATTACHMENT_NOT_FOUND))
async def delete_file(
    services: ServicesDep,
    caller: ConnectionsCaller,
    connection_id: str = ConnectionId,
    path: str = Query(min_length=1, max_length=1_000, description="Of the upload, as the list names it."),
) -> FilesDeletedOut:
    """Delete an upload, or a folder of them; what was read of it goes with the next sync."""
    return FilesDeletedOut(deleted=await files.delete_file(services, caller, connection_id, path))


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    """The parts of the body. It is read here and not before: by now it is known who sends it."""
    try:
        form = await request.form(max_files=_MOST, max_fields=10, max_part_size=300_000)
    except MultiPartException as error:
        raise AppError(Code.INVALID_REQUEST, f"The body is no multipart/form-data: {error.message}") from None
    try:
        yield form
    finally:
        await form.close()

"""An attachment's bytes: streamed, in ranges, and so that a browser can't be made to run them (SPEC F6)."""

import re
from typing import Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from backend.api.deps import DocumentsCaller, ServicesDep
from backend.api.errors import error_response, problems, request_id_of
from backend.api.links import INLINE, disposition_of, linked
from backend.api.routes import API
from backend.core.errors import AppError, Code
from backend.core.usecases.attachments import OpenedAttachment, open_attachment

router = APIRouter(prefix=f"{API}/attachments", tags=["attachments"])

OPAQUE: Final = "application/octet-stream"
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_BYTES: Final = {OPAQUE: {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/{attachment_id}",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": _BYTES},
        206: {"description": "The requested range of it.", "content": _BYTES},
        307: {"description": "The file is at a link that is valid for a short while (DESKLORE_BLOB_REDIRECT_SECONDS)."},
        304: {"description": "It is the one the caller has (If-None-Match)."},
        **problems(Code.ATTACHMENT_NOT_FOUND, Code.RANGE_NOT_SATISFIABLE),
    },
)
async def get_attachment(
    *,
    request: Request,
    services: ServicesDep,
    caller: DocumentsCaller,
    attachment_id: str = Path(max_length=200),
    redirect: bool = Query(default=True, description="`false`: never send me on to a link, give me the bytes here."),
) -> Response:
    """The bytes of an attachment; one range at a time."""
    opened = await open_attachment(services, caller.company_id, attachment_id, caller=caller)
    headers = _headers(opened)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    shown = {"content_type": headers["Content-Type"], "disposition": headers["Content-Disposition"]}
    seconds = services.policy.blob_redirect_seconds if redirect else 0
    if (elsewhere := await linked(request, opened.blobs, opened.blob_key, seconds=seconds, **shown)) is not None:
        return elsewhere
    wanted = request.headers.get("range", "") if request.headers.get("if-range", headers["ETag"]) == headers["ETag"] else ""
    found = _RANGE.fullmatch(wanted)
    if found is None or found.groups() == ("", ""):
        # Several ranges, or units we don't know: RFC 9110 section 14.2 lets a server send the whole.
        return _stream(opened, 0, opened.size, status=200, headers=headers)
    start, end = _bounds(found[1], found[2], opened.size)
    if start >= end:
        outside = AppError(Code.RANGE_NOT_SATISFIABLE, f"The file has {opened.size} bytes.")
        return error_response(outside, request_id_of(request.scope), {"Content-Range": f"bytes */{opened.size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{opened.size}"
    return _stream(opened, start, end, status=206, headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Start and end (without it) of `bytes=first-last`; without `first` the last so many bytes are meant."""
    if not first:
        return max(0, size - int(last)), size if int(last) else 0
    return int(first), min(size, int(last) + 1) if last else size


def _stream(opened: OpenedAttachment, start: int, end: int, *, status: int, headers: dict[str, str]) -> Response:
    return StreamingResponse(opened.read(start, end), status_code=status, headers={**headers, "Content-Length": str(end - start)})


def _headers(opened: OpenedAttachment) -> dict[str, str]:
    file = opened.file
    inline = file.content_type in INLINE
    return {
        "Content-Type": file.content_type if inline else OPAQUE,
        "Content-Disposition": disposition_of(file.name, inline=inline),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.sha256 or file.attachment_id}"',
        "Cache-Control": "private, no-cache",
    }

"""An attachment's bytes: streamed, in ranges, and so that a browser can't be made to run them (SPEC F6)."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from backend.api.deps import DocumentsCaller, ServicesDep
from backend.api.errors import error_response, problems, request_id_of
from backend.api.routes import API
from backend.core.errors import AppError, Code
from backend.core.usecases.attachments import OpenedAttachment, open_attachment

router = APIRouter(prefix=f"{API}/attachments", tags=["attachments"])

INLINE: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})
"""Types a browser shows without running anything; SVG and HTML can hold scripts."""
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
    request: Request, services: ServicesDep, caller: DocumentsCaller, attachment_id: str = Path(max_length=200)
) -> Response:
    """The bytes of an attachment; one range at a time."""
    opened = await open_attachment(services, caller.company_id, attachment_id, caller=caller)
    headers = _headers(opened)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    if services.policy.blob_redirect_seconds:
        link = await opened.link(
            services.policy.blob_redirect_seconds, content_type=headers["Content-Type"], disposition=headers["Content-Disposition"]
        )
        if link is not None:
            # A 307 keeps the method and the Range header; the link is worth the file, so nobody in between may keep it.
            return RedirectResponse(link, 307, {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"})
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
        "Content-Disposition": _disposition(file.name, inline=inline),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.sha256 or file.attachment_id}"',
        "Cache-Control": "private, no-cache",
    }


def _disposition(name: str, *, inline: bool) -> str:
    """The file's name for old readers in ASCII and for the others as it is (RFC 6266, RFC 5987)."""
    name = "".join(character for character in name if character.isprintable()).replace("/", "_").replace("\\", "_") or "file"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"

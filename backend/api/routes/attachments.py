"""An attachment's bytes: streamed, in ranges, and so that a browser can't be made to run them (SPEC F6)."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from backend.api.deps import DocumentsCaller, ServicesDep
from backend.api.errors import problems
from backend.api.ranges import file_responses, ranged
from backend.api.routes import API
from backend.core.errors import Code
from backend.core.usecases.attachments import OpenedAttachment, open_attachment

router = APIRouter(prefix=f"{API}/attachments", tags=["attachments"])

INLINE: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})
"""Types a browser shows without running anything; SVG and HTML can hold scripts."""
OPAQUE: Final = "application/octet-stream"


@router.get(
    "/{attachment_id}",
    response_class=Response,
    responses={
        **file_responses(OPAQUE),
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
    return ranged(request, opened.size, opened.read, headers)


def _headers(opened: OpenedAttachment) -> dict[str, str]:
    file = opened.file
    inline = file.content_type in INLINE
    return {
        "Content-Type": file.content_type if inline else OPAQUE,
        "Content-Disposition": _disposition(file.name, inline=inline),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "ETag": f'"{file.sha256 or file.attachment_id}"',
        "Cache-Control": "private, no-cache",
    }


def _disposition(name: str, *, inline: bool) -> str:
    """The file's name for old readers in ASCII and for the others as it is (RFC 6266, RFC 5987)."""
    name = "".join(character for character in name if character.isprintable()).replace("/", "_").replace("\\", "_") or "file"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"

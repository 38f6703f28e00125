"""An attachment's bytes: streamed, in ranges, and so that a browser can't be made to run them (SPEC F6)."""

from typing import Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from backend.api.deps import DocumentsCaller, ServicesDep
from backend.api.errors import problems
from backend.api.links import INLINE, disposition_of, linked
from backend.api.ranges import file_responses, ranged
from backend.api.routes import API
from backend.core.errors import Code
from backend.core.usecases.attachments import OpenedAttachment, open_attachment

router = APIRouter(prefix=f"{API}/attachments", tags=["attachments"])

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
    return ranged(request, opened.size, opened.read, headers)


def _headers(opened: OpenedAttachment) -> dict[str, str]:
    file = opened.file
    inline = file.content_type in INLINE
    return {
        "Content-Type": file.content_type if inline else OPAQUE,
        "Content-Disposition": disposition_of(file.name, inline=inline),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "ETag": f'"{file.sha256 or file.attachment_id}"',
        "Cache-Control": "private, no-cache",
    }

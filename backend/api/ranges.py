"""A file's bytes as a response: streamed, whole or one range of it (RFC 9110 section 14)."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from backend.api.errors import error_response, request_id_of
from backend.core.errors import AppError, Code

_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def file_responses(content_type: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers so."""
    content = {content_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "The file.", "content": content}, 206: {"description": "The requested range of it.", "content": content}}


def ranged(request: Request, size: int, read: Callable[[int, int], AsyncIterator[bytes]], headers: Mapping[str, str]) -> Response:
    """The range that was asked for of a file of this size, else all of it; `headers` has its ETag."""
    wanted = request.headers.get("range", "") if request.headers.get("if-range", headers["ETag"]) == headers["ETag"] else ""
    headers = {**headers, "Accept-Ranges": "bytes"}
    found = _RANGE.fullmatch(wanted)
    if found is None or found.groups() == ("", ""):
        # Several ranges, or units we don't know: RFC 9110 section 14.2 lets a server send the whole.
        return StreamingResponse(read(0, size), headers={**headers, "Content-Length": str(size)})
    start, end = _bounds(found[1], found[2], size)
    if start >= end:
        outside = AppError(Code.RANGE_NOT_SATISFIABLE, f"The file has {size} bytes.")
        return error_response(outside, request_id_of(request.scope), {"Content-Range": f"bytes */{size}"})
    part = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
    return StreamingResponse(read(start, end), status_code=206, headers={**headers, **part})


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Start and end (without it) of `bytes=first-last`; without `first` the last so many bytes are meant."""
    if not first:
        return max(0, size - int(last)), size if int(last) else 0
    return int(first), min(size, int(last) + 1) if last else size

"""A file by a short-lived link of the store it lies in, instead of through the API; told after every check, to whom it may be told."""

import re
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse

from backend.api.helpdesk_login import HEADERS
from backend.core.ports.blobs import BlobStore

INLINE: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})
"""Types a browser shows without running anything; SVG and HTML can hold scripts."""
LINKED: Final = INLINE | {"application/zip"}
"""What may come from a store, which can't forbid a browser to guess the type (nosniff) as our own answers do."""
_KEPT: Final = ("X-API-Key", *HEADERS)
"""Secrets that clients send on to wherever they are sent, other than `Authorization`: the store must not get them."""


async def linked(
    request: Request, blobs: BlobStore, key: str, *, seconds: int, content_type: str, disposition: str
) -> RedirectResponse | None:
    """A redirect to the file, valid for `seconds`; None where the API has to stream it itself.

    That is where `seconds` is 0, the store makes no links, the type is none of `LINKED`, or the request holds a secret that a
    client would send on. Ask only after the caller may have the file and the audit log tells of it: the link is worth the file.
    """
    if not seconds or content_type not in LINKED or any(name in request.headers for name in _KEPT):
        return None
    link = await blobs.link(key, seconds=seconds, content_type=content_type, disposition=disposition)
    if link is None:
        return None
    # A 307 keeps the method and the Range header; nobody in between may keep it.
    return RedirectResponse(link, 307, {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"})


def disposition_of(name: str, *, inline: bool) -> str:
    """The file's name for old readers in ASCII and for the others as it is (RFC 6266, RFC 5987)."""
    name = "".join(character for character in name if character.isprintable()).replace("/", "_").replace("\\", "_") or "file"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"

"""The little that has to be seen in Freshdesk's HTML before it leaves the adapter: inline images, and whether it is blank."""

import html
import re
from typing import Final

from backend.core.model.ticket import Attachment

_IMAGE: Final = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")
_VISIBLE: Final = re.compile(r"<(?:img|video|audio|iframe|object)\b", re.IGNORECASE)


def is_blank(markup: str) -> bool:
    """Whether a body shows nothing: survey rows are `<div></div>` (recorded traffic, CONNECTORS section 4)."""
    return not _VISIBLE.search(markup) and not html.unescape(_TAG.sub("", markup)).strip()


def inline_images(markup: str, *, parent_id: str | None, internal: bool) -> list[Attachment]:
    """The pictures a body shows by `data-id`, which is their attachment id; their URL is a token that never expires."""
    if "data-id" not in markup:
        return []
    found: dict[str, Attachment] = {}
    for tag in _IMAGE.findall(markup):
        attributes = {name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(tag)}
        key, url = attributes.get("data-id", ""), attributes.get("src", "")
        if not key.isdecimal() or not url.lower().startswith(("https://", "http://")):
            continue
        found[key] = Attachment(
            original_id=key,
            name=attributes.get("data-filename") or attributes.get("alt") or f"inline-{key}",
            # Neither type nor size is told: both are found out when the bytes are there.
            content_type="application/octet-stream",
            size=0,
            inline=True,
            internal=internal,
            url=url,
            parent_id=parent_id,
        )
    return list(found.values())

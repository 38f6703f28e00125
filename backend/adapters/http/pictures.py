"""The pictures that a piece of HTML shows and a helpdesk keeps, as attachments; which ones those are each platform knows by itself."""

import html
import re
from collections.abc import Callable, Mapping
from typing import Final

from backend.core.model.ticket import Attachment

_IMAGE: Final = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)

Identify = Callable[[Mapping[str, str]], tuple[str, str] | None]
"""The id and the file name of a picture by the attributes of its tag, or None where the helpdesk does not keep it."""


def pictures_in(markup: str, identify: Identify, *, parent_id: str | None, internal: bool) -> list[Attachment]:
    """The pictures of a body, each once. One without an address of the web is left out."""
    found: dict[str, Attachment] = {}
    for tag in _IMAGE.findall(markup):
        attributes = {name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(tag)}
        url = attributes.get("src", "")
        known = identify(attributes) if url.lower().startswith(("https://", "http://")) else None
        if known is None:
            continue
        key, name = known
        found[key] = Attachment(
            original_id=key,
            name=name,
            # Neither type nor size is told: both are found out when the bytes are there.
            content_type="application/octet-stream",
            size=0,
            inline=True,
            internal=internal,
            url=url,
            parent_id=parent_id,
        )
    return list(found.values())

"""The little that has to be seen in Freshdesk's HTML before it leaves the adapter: inline images, and whether it is blank."""

import html
import re
from collections.abc import Mapping
from typing import Final

from backend.adapters.http.pictures import pictures_in
from backend.core.model.ticket import Attachment

_TAG: Final = re.compile(r"<[^>]*>")
_VISIBLE: Final = re.compile(r"<(?:img|video|audio|iframe|object)\b", re.IGNORECASE)


def is_blank(markup: str) -> bool:
    """Whether a body shows nothing: survey rows are `<div></div>` (recorded traffic, CONNECTORS section 4)."""
    return not _VISIBLE.search(markup) and not html.unescape(_TAG.sub("", markup)).strip()


def inline_images(markup: str, *, parent_id: str | None, internal: bool) -> list[Attachment]:
    """The pictures a body shows by `data-id`, which is their attachment id; their URL is a token that never expires."""
    if "data-id" not in markup:
        return []
    return pictures_in(markup, _known, parent_id=parent_id, internal=internal)


def _known(attributes: Mapping[str, str]) -> tuple[str, str] | None:
    key = attributes.get("data-id", "")
    return (key, attributes.get("data-filename") or attributes.get("alt") or f"inline-{key}") if key.isdecimal() else None

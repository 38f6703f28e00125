"""The little that has to be seen in Zendesk's HTML before it leaves the adapter: the pictures in it."""

import hashlib
import html
import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from backend.core.model.ticket import Attachment

_IMAGE: Final = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_LASTING: Final = re.compile(r"/attachments/token/([0-9A-Za-z_-]+)")
"""Where Zendesk keeps a comment's files: the token is all one needs, so it is a secret."""
_TAG: Final = re.compile(r"<[^>]*>")


def token_of(url: str) -> str:
    """The token in a file's lasting address; empty where there is none."""
    found = _LASTING.search(url)
    return found.group(1) if found else ""


def plain(markup: str) -> str:
    """The words of a piece of HTML."""
    return html.unescape(_TAG.sub(" ", markup))


def inline_images(markup: str, *, parent_id: str | None, internal: bool) -> list[Attachment]:
    """The pictures a body shows. The body tells no id of theirs: a hash of their token stands for it, and tells no secret."""
    if "/attachments/token/" not in markup:
        return []
    found: dict[str, Attachment] = {}
    for tag in _IMAGE.findall(markup):
        attributes = {name.lower(): html.unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(tag)}
        url = attributes.get("src", "")
        token = token_of(url)
        if not token or not url.lower().startswith(("https://", "http://")):
            continue
        key = inline_id(token)
        found[key] = Attachment(
            original_id=key,
            name=_name(url) or f"{key}.png",
            # Neither type nor size is told: both are found out when the bytes are there.
            content_type="application/octet-stream",
            size=0,
            inline=True,
            internal=internal,
            url=url,
            parent_id=parent_id,
        )
    return list(found.values())


def inline_id(token: str) -> str:
    """What a picture is known by."""
    return f"inline-{hashlib.sha256(token.encode()).hexdigest()[:24]}"


def _name(url: str) -> str:
    try:
        return parse_qs(urlsplit(url).query).get("name", [""])[0]
    except ValueError:
        return ""

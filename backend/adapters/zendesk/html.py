"""The little that has to be seen in Zendesk's HTML before it leaves the adapter: the pictures in it."""

import hashlib
import html
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from backend.adapters.http.pictures import pictures_in
from backend.core.model.ticket import Attachment

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
    return pictures_in(markup, _known, parent_id=parent_id, internal=internal)


def _known(attributes: Mapping[str, str]) -> tuple[str, str] | None:
    url = attributes["src"]
    token = token_of(url)
    if not token:
        return None
    key = inline_id(token)
    return key, _name(url) or f"{key}.png"


def inline_id(token: str) -> str:
    """What a picture is known by."""
    return f"inline-{hashlib.sha256(token.encode()).hexdigest()[:24]}"


def _name(url: str) -> str:
    try:
        return parse_qs(urlsplit(url).query).get("name", [""])[0]
    except ValueError:
        return ""

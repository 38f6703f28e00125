"""Addresses within text: without what is new at every fetch, and which help-center articles they lead to."""

import re
from typing import Final

_PICTURE: Final = re.compile(r"\s(?:src|srcset|background)\s?=\s?(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s<>\"']+)", re.IGNORECASE)
_QUERY: Final = re.compile(r"\?[^\s\"'<>]+")
# https://developers.freshdesk.com/api/#solutions and https://developer.zendesk.com/api-reference/help_center/
_ARTICLES: Final = {
    "freshdesk": re.compile(r"/solutions/articles/(\d{1,20})(?!\d)"),
    "zendesk": re.compile(r"/hc/(?:[a-z]{2}(?:-[a-z0-9]{2,4})?/)?articles/(\d{1,20})(?!\d)", re.IGNORECASE),
}
_SIGNED: Final = ("X-Amz-", "Signature=", "token=", "Expires=", "sig=")


def without_signatures(html: str) -> str:
    """The same with the query taken off every signed address: it lets anybody in, dies soon, and is never content."""
    if "?" in html and any(word in html for word in _SIGNED):
        return _QUERY.sub(_unsigned, html)
    return html


def without_addresses(html: str) -> str:
    """Without signatures and without the addresses of pictures, so that equal content is equal text."""
    if "src" in html or "SRC" in html or "background" in html:
        html = _PICTURE.sub("", html)
    return without_signatures(html)


def article_ids(text: str, platform: str) -> list[str]:
    """The platform's ids of the help-center articles whose addresses stand in the text, each once, in order."""
    pattern = _ARTICLES.get(platform)
    return list(dict.fromkeys(pattern.findall(text))) if pattern is not None else []


def _unsigned(match: re.Match[str]) -> str:
    query = match.group()
    return "" if any(word in query for word in _SIGNED) else query

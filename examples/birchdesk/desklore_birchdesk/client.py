"""Birchdesk's endpoints and paging: path in, answers in their documented shapes out."""

from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from backend.adapters.http.client import HttpClient, Patience

from desklore_birchdesk.errors import malformed

PER_PAGE: Final = 100
"""The most entries that Birchdesk puts on a page."""

S = TypeVar("S", bound=msgspec.Struct)


class Entry(msgspec.Struct, frozen=True):
    """An item as a list names it."""

    id: str
    changed_at: str
    state: str = ""
    """Of a ticket that is gone: `deleted` or `spam`."""


class Page(msgspec.Struct, frozen=True):
    """A page of a list, ordered by `changed_at`. A change moves an item behind `next`, never before it."""

    items: tuple[Entry, ...]
    next: str | None = None
    """The cursor of the page behind; null at the end."""


class Client:
    """One account's API. Every method raises AppError as `HttpClient.get` does, and SOURCE_MALFORMED for odd data."""

    def __init__(self, http: HttpClient, prefix: str = "") -> None:
        self.http = http
        self._api = f"{prefix}/v1"

    async def page(self, name: str, *, since: str = "", cursor: str = "", limit: int = PER_PAGE) -> Page:
        """A page of `tickets`, `articles` or `deleted`: behind a cursor, or what changed at `since` or later."""
        query = {"limit": limit, "cursor": cursor} if cursor else {"limit": limit, "changed_since": since}
        answer = await self.http.get(f"{self._api}/{name}?{urlencode(query)}", urgent=True)
        return shaped(answer.value, Page, answer.body)

    async def item(self, name: str, key: str, shape: type[S]) -> tuple[S, bytes]:
        """One of `tickets` or `articles` whole, and its JSON."""
        # Whatever a caller gives, it stays one segment of the path.
        answer = await self.http.get(f"{self._api}/{name}/{quote(key, safe='')}")
        return shaped(answer.value, shape, answer.body), answer.body

    async def probe(self, path: str, patience: Patience) -> Any:
        """One quick look, for checking what a token may read."""
        return (await self.http.get(f"{self._api}{path}", patience=patience, urgent=True)).value

    def file(self, key: str) -> str:
        """The target of a file's bytes; it answers with a redirect to the file host, signed for a minute."""
        return f"{self._api}/files/{quote(key, safe='')}"


def shaped(value: Any, shape: type[S], body: bytes) -> S:
    """An answer in its documented shape; what came is kept where it has another."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise malformed(error, body) from None

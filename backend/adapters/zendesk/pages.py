"""Pages of the ticket export: the one that is being handed on, and the next one on its way."""

import asyncio
from datetime import datetime
from typing import NamedTuple

from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, ident, records, text
from backend.adapters.zendesk.walk import Place, following
from backend.core import clock

_Key = tuple[int, str]


class Page(NamedTuple):
    """A page as it came."""

    body: Record
    asked: datetime
    """By our clock, when it was asked for."""
    solved: dict[str, str]
    """Ticket -> when it was solved, from the metric sets loaded beside."""


class _Ahead(NamedTuple):
    key: _Key
    asked: datetime
    body: asyncio.Task[Record]


class Pages:
    """The pages of one walk. To be closed."""

    def __init__(self, client: ZendeskClient) -> None:
        self._client = client
        self._page: tuple[_Key, Page] | None = None
        self._ahead: _Ahead | None = None

    async def at(self, place: Place) -> tuple[Page, bool]:
        """The page at a place, and whether it was read just now."""
        key = (place.since, place.after)
        if self._page is not None and self._page[0] == key:
            return self._page[1], False
        if self._ahead is not None and self._ahead.key != key:
            await self.close()
        coming, self._ahead = self._ahead or self._ask(key), None
        try:
            body = await coming.body
        finally:
            coming.body.cancel()
        page = Page(body, coming.asked, _solved(body))
        self._page = (key, page)
        return page, True

    def look_ahead(self, place: Place) -> None:
        """Ask for the page behind the one at a place, while this one is handed on."""
        if self._page is not None and self._ahead is None and (after := following(self._page[1].body, place.after)):
            self._ahead = self._ask((place.since, after))

    def forget(self) -> None:
        """Read the page anew, should it be asked for again."""
        self._page = None

    async def close(self) -> None:
        """Let go of what is on its way."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.body.cancel()
            await asyncio.gather(ahead.body, return_exceptions=True)

    def _ask(self, key: _Key) -> _Ahead:
        since, after = key
        return _Ahead(key, clock.now(), asyncio.create_task(self._client.export(since=since, cursor=after)))


def _solved(body: Record) -> dict[str, str]:
    return {key: text(entry, "solved_at") for entry in records(body, "metric_sets") if (key := ident(entry, "ticket_id")) is not None}

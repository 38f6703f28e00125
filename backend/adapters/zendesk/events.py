"""The ticket events page by page, some pages ahead of whoever takes them."""

import asyncio
from collections import deque
from typing import Final

from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, number

AHEAD: Final = 3
"""Pages on their way or waiting, where all of them will be wanted: the next is asked for while this one is taken apart."""

Page = tuple[int, Record]
"""Where it begins, and what it has."""


class Events:
    """A walk through the events from a moment on. To be closed."""

    def __init__(self, client: ZendeskClient, origin: int) -> None:
        self._client = client
        self._ahead = AHEAD if origin == 0 else 1
        self._pages: deque[asyncio.Task[Page]] = deque()
        self._dropped: list[asyncio.Task[Page]] = []
        self._place = origin
        """Where the next page to be taken begins."""
        self.origin = origin
        self.reached = origin
        """Everything up to here has been taken."""
        self.ended = False

    def begin(self) -> None:
        """Ask for the next pages, as many as may be on their way."""
        while len(self._pages) < self._ahead:
            self._pages.append(asyncio.create_task(self._read(self._pages[-1] if self._pages else None)))

    async def take(self) -> Record:
        """The next page. After an error the walk can be gone on with from the same place."""
        self.begin()
        try:
            place, body = await self._pages.popleft()
        except BaseException:
            # Also where the caller was canceled: the next take begins anew where this one would have.
            self._drop()
            raise
        end = number(body, "end_time")
        self.ended = is_last(place, body)
        if end is not None and end >= place:
            # What happened in the last second may go on in the next page.
            self.reached = end if self.ended else end - 1
            self._place = end
        if self.ended:
            self._drop()
        return body

    async def close(self) -> None:
        """Let go of what is on its way."""
        self._drop()
        await asyncio.gather(*self._dropped, return_exceptions=True)
        self._dropped.clear()

    async def _read(self, before: asyncio.Task[Page] | None) -> Page:
        place = self._place
        if before is not None:
            await asyncio.wait([before])
            place, body = before.result()
            if is_last(place, body):
                return place, body
            place = number(body, "end_time") or place
        return place, await self._client.events(place)

    def _drop(self) -> None:
        for page in self._pages:
            page.cancel()
        self._dropped += self._pages
        self._pages.clear()


def is_last(place: int, body: Record) -> bool:
    """At the end the next page is the page itself: it is never followed, and a page that leads nowhere is the last."""
    end = number(body, "end_time")
    return body.get("end_of_stream") is True or end is None or end <= place

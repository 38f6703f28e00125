"""The ticket events page by page, some pages ahead of whoever takes them."""

import asyncio
from typing import Final

from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.fields import Record, number

AHEAD: Final = 3
"""Pages on their way or waiting, where all of them will be wanted: the next is asked for while this one is taken apart."""

Page = tuple[int, Record]
"""Where it begins, and what it has."""


class Events:
    """A walk through the events from `origin` on, with so many pages `ahead`, but none ahead behind `until`. To be closed."""

    def __init__(self, client: ZendeskClient, origin: int, *, ahead: int = 1, until: int | None = None) -> None:
        self._client = client
        self._until = until
        self._most = ahead
        self._room = asyncio.Semaphore(ahead)
        """For pages that are asked for, and were not taken yet."""
        self._lent = False
        """Whether the page that was taken last still has its room."""
        self._ready: asyncio.Queue[Page | asyncio.Task[None]] = asyncio.Queue()
        """Pages, and behind the last one the walk that ended."""
        self._walk: asyncio.Task[None] | None = None
        self._dropped: list[asyncio.Task[None]] = []
        self._place = origin
        """Where the next page to be taken begins."""
        self.origin = origin
        self.reached = origin
        """Everything up to here has been taken."""
        self.ended = False

    def begin(self) -> None:
        """Ask for the next pages, as many as may be on their way."""
        if self._lent:
            self._lent = False
            self._room.release()
        if self._walk is None:
            self._walk = asyncio.create_task(self._read(self._place, self._ready))
            self._walk.add_done_callback(self._ready.put_nowait)

    async def take(self) -> Record:
        """The next page. After an error the walk can be gone on with from the same place."""
        self.begin()
        found = await self._ready.get()
        if isinstance(found, asyncio.Task):
            self._drop()
            # Raises what ended it.
            found.result()
            return await self.take()
        self._lent = True
        place, body = found
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

    async def _read(self, place: int, ready: asyncio.Queue[Page | asyncio.Task[None]]) -> None:
        """Page after page in one task: handing on where the next one begins would wait for all that is done with this one."""
        while True:
            await self._room.acquire()
            body = await self._client.events(place)
            ready.put_nowait((place, body))
            end = number(body, "end_time") or place
            if is_last(place, body) or (self._until is not None and end >= self._until):
                return
            place = end

    def _drop(self) -> None:
        """The next walk begins where this one was taken to."""
        if self._walk is not None:
            self._walk.cancel()
            self._dropped.append(self._walk)
        self._walk, self._lent, self._ready = None, False, asyncio.Queue()
        self._room = asyncio.Semaphore(self._most)


def is_last(place: int, body: Record) -> bool:
    """At the end the next page is the page itself: it is never followed, and a page that leads nowhere is the last."""
    end = number(body, "end_time")
    return body.get("end_of_stream") is True or end is None or end <= place

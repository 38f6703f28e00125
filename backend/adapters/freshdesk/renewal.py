"""Signed addresses of attachments, renewed once for all attachments of an item: they die 300 s after they were listed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit
from weakref import WeakValueDictionary

from backend.adapters.freshdesk.fields import number
from backend.core import clock
from backend.core.errors import AppError
from backend.core.model.sync import Fetched, ItemRef
from backend.core.model.ticket import Attachment, Ticket

_OLD: Final = timedelta(minutes=4)
"""A signed URL lives 300 s (recorded traffic, CONNECTORS section 4): an older one is not tried at all."""
_ITEMS: Final = 32
"""So many items' addresses are remembered: more than are read at once only where most need none."""


class Renewals:
    """Reads an item again for the addresses of its files. A ticket of hundreds of pages is read once for all of them, not once for each."""

    def __init__(self, fetch: Callable[[ItemRef], Awaitable[Fetched]]) -> None:
        self._fetch = fetch
        self._urls: dict[str, dict[str, str]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def url(self, attachment: Attachment, ref: ItemRef, dead: str | None) -> tuple[str | None, bool]:
        """An address other than `dead`, None where the item has none for this file; and whether it was asked for just now."""
        item = f"{ref.doc_type.value}/{ref.original_id}"
        async with self._turns.setdefault(item, asyncio.Lock()):
            known = self._urls.get(item, {}).get(attachment.original_id)
            if known is not None and known != dead and not is_old(known):
                return known, False
            urls = _urls_of(await self._fetch(ref))
            self._urls.pop(item, None)
            self._urls[item] = urls
            if len(self._urls) > _ITEMS:
                del self._urls[next(iter(self._urls))]
            return urls.get(attachment.original_id), True


def is_old(url: str) -> bool:
    """Whether a signed URL says of itself that it is about to die."""
    query = parse_qs(urlsplit(url).query)
    signed = query.get("X-Amz-Date", [""])[0]
    if not signed:
        return False
    try:
        at = clock.parse_time(signed)
        lives = timedelta(seconds=number({"s": query.get("X-Amz-Expires", ["300"])[0]}, "s") or 0)
    except (ValueError, AppError):
        return False
    return at is not None and clock.now() - at > min(lives * 0.8, _OLD)


def _urls_of(fetched: Fetched) -> dict[str, str]:
    item = fetched.item
    turns = item.conversations if isinstance(item, Ticket) else ()
    everything = [*item.attachments, *(found for turn in turns for found in turn.attachments)]
    return {found.original_id: found.url for found in everything if found.url}

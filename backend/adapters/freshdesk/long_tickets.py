"""A ticket with all its conversations. A long one has hundreds of pages: those that were read before a process was killed are kept."""

from typing import Final

import orjson
from msgspec import Struct

from backend.adapters.freshdesk.client import EMBEDDED_CONVERSATIONS, PAGE_CAP, PER_PAGE, FreshdeskClient
from backend.adapters.freshdesk.fields import Record, needed_moment, record_of, records_of
from backend.core.clock import parse_time
from backend.core.model.sync import ItemRef
from backend.core.ports.halfway import Halfway

_VIEW: Final = 0
"""The ticket itself is kept under this number, its conversation pages under theirs, which begin at 1."""

_FIELD: Final = "conversations"


class WholeTicket(Struct, frozen=True, kw_only=True):
    """What Freshdesk answered for one ticket, read and as it came."""

    record: Record
    body: bytes
    conversations: list[Record]
    pages: list[bytes]
    """Of the conversations; none where they all came with the ticket."""


class LongTickets:
    """Reads tickets whole, in as few calls as the API allows, and each page of a long one once."""

    def __init__(self, client: FreshdeskClient, halfway: Halfway | None) -> None:
        self._client = client
        self._halfway = halfway

    async def view(self, ref: ItemRef, include: str) -> tuple[Record, bytes]:
        """The ticket as it is now; as it was kept, where it is in the middle of its pages and still the version that was listed."""
        listed_at = parse_time(ref.version) if self._halfway is not None else None
        if self._halfway is not None and listed_at is not None:
            body = await self._halfway.get(ref, listed_at, _VIEW)
            if body is not None:
                return record_of(orjson.loads(body), "ticket"), body
        return await self._client.ticket(ref.original_id, include)

    async def live(self, ref: ItemRef, record: Record, body: bytes) -> WholeTicket:
        """With all conversations: those that came with the ticket, unless there may be more."""
        embedded = records_of(record.get("conversations"), _FIELD)
        if len(embedded) < EMBEDDED_CONVERSATIONS:
            return WholeTicket(record=record, body=body, conversations=embedded, pages=[])
        return await self._paged(ref, record, body, archived=False)

    async def archived(self, ref: ItemRef) -> WholeTicket:
        """An archived ticket, whose conversations never come with it."""
        record, body = await self._client.ticket(ref.original_id, "", archived=True)
        return await self._paged(ref, record, body, archived=True)

    async def _paged(self, ref: ItemRef, record: Record, body: bytes, *, archived: bool) -> WholeTicket:
        changed_at = needed_moment(record, "updated_at")
        conversations: list[Record] = []
        pages: list[bytes] = []
        for number in range(1, PAGE_CAP + 1):
            page = await self._halfway.get(ref, changed_at, number) if self._halfway is not None else None
            if page is not None:
                found = records_of(orjson.loads(page), _FIELD)
            else:
                found, page = await self._client.conversation_page(ref.original_id, number, archived=archived)
                # Most have one page, which is not worth a file.
                if self._halfway is not None and (number > 1 or len(found) == PER_PAGE):
                    if number == 1 and not archived:
                        await self._halfway.put(ref, changed_at, _VIEW, body)
                    await self._halfway.put(ref, changed_at, number, page)
            conversations += found
            pages.append(page)
            if len(found) < PER_PAGE:
                break
        return WholeTicket(record=record, body=body, conversations=conversations, pages=pages)

"""Reading ahead: pages come in the order of the listing, bounded in number, and one failure that concerns all stops all."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import cast

import pytest

from backend.core.errors import AppError, Code
from backend.core.ingest.collect import ITEMS_AT_ONCE, PAGES_AHEAD, Page, Together, collect
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemRef, Listing, RunOptions, Stream
from backend.core.model.ticket import Presence
from backend.core.ports.source import Source

PAGES, SIZE = 12, 20


class Shelf:
    """A listing of numbered items outside our walls; it counts how many pages were asked for."""

    def __init__(self, special: dict[int, Presence] | None = None) -> None:
        self.asked = 0
        self.special = special or {}

    async def list_changes(self, cursor: Cursor, _options: RunOptions) -> Listing:
        self.asked += 1
        page = int(cursor.position.get("page", 0))
        numbers = range(page * SIZE, (page + 1) * SIZE)
        refs = tuple(
            ItemRef(doc_type=DocType.TICKET, original_id=str(number), version="1", presence=self.special.get(number, Presence.LIVE))
            for number in numbers
        )
        return Listing(refs=refs, next=Cursor(stream=Stream.TICKETS, position={"page": page + 1}), last=page == PAGES - 1)


class Reader:
    """Reads an item by waiting the longer the earlier it is, and watches how many are read at once."""

    def __init__(self, errors: dict[int, AppError] | None = None) -> None:
        self.now = self.most = 0
        self.errors = errors or {}
        self.completed: list[int] = []

    async def wanted(self, refs: Sequence[ItemRef]) -> list[ItemRef]:
        return [ref for ref in refs if int(ref.original_id) % 10]

    async def read_together(self, refs: Sequence[ItemRef]) -> Together[int]:
        return Together(left=tuple(refs))

    async def read(self, ref: ItemRef) -> int:
        number = int(ref.original_id)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.0002 * (SIZE - number % SIZE))
            if number in self.errors:
                raise self.errors[number]
        finally:
            self.now -= 1
        return number

    async def complete(self, items: Sequence[int]) -> list[int]:
        self.completed.extend(items)
        return [-item for item in items]


def read(shelf: Shelf, reader: Reader) -> AsyncGenerator[Page[int], None]:
    return collect(cast(Source, shelf), Cursor(stream=Stream.TICKETS), RunOptions(), reader)


async def test_pages_come_in_order_with_what_was_made_of_their_items() -> None:
    reader = Reader()
    pages: list[Page[int]] = [page async for page in read(Shelf(), reader)]
    assert [page.cursor.position["page"] for page in pages if page.cursor] == list(range(1, PAGES + 1))
    assert [item for page in pages for item in page.items] == [-n for n in range(PAGES * SIZE) if n % 10]
    assert [page.unchanged for page in pages] == [2] * PAGES
    assert [page.last for page in pages] == [False] * (PAGES - 1) + [True]
    assert 1 < reader.most <= ITEMS_AT_ONCE


async def test_no_more_pages_are_listed_than_may_be_on_their_way() -> None:
    shelf = Shelf()
    pages = read(shelf, Reader())
    await anext(pages)
    await asyncio.sleep(0.2)  # The first page is being stored all this time.
    assert shelf.asked <= PAGES_AHEAD + 1
    await pages.aclose()


async def test_a_bad_item_and_one_that_is_gone_leave_the_others_alone() -> None:
    errors = {3: AppError(Code.SOURCE_MALFORMED, "Ticket 3 has no id."), 4: AppError(Code.SOURCE_ITEM_NOT_FOUND)}
    first = await anext(read(Shelf({5: Presence.DELETED}), Reader(errors)))
    assert [failure.original_id for failure in first.failures] == ["3"]
    assert sorted(ref.original_id for ref in first.gone) == ["4", "5"]
    assert len(first.items) == SIZE - 2 - 3


async def test_a_source_that_is_down_ends_the_reading_and_leaves_nothing_running() -> None:
    reader = Reader({2 * SIZE + 1: AppError(Code.SOURCE_UNAVAILABLE)})
    good: list[int] = []
    pages = read(Shelf(), reader)
    for _ in range(2):
        good.extend((await anext(pages)).items)
    with pytest.raises(AppError) as raised:
        await anext(pages)
    assert raised.value.code is Code.SOURCE_UNAVAILABLE
    assert good == [-n for n in range(2 * SIZE) if n % 10]
    assert reader.now == 0

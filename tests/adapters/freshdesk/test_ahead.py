"""What is read before it is asked for, and what is read once for all: pages of the list, and addresses of dead files."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from backend.adapters.freshdesk.renewal import Renewals
from backend.adapters.freshdesk.source import FreshdeskSource
from backend.core import clock
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream
from backend.core.model.ticket import Attachment, Ticket
from backend.core.ports.source import Source
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.adapters.freshdesk.test_faults import opened

LIST = "GET /api/v2/tickets"


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """An account of several pages."""
    async with running_sandbox(SandboxOptions(tickets=450)) as server:
        yield server


async def pages(source: Source, count: int, options: RunOptions) -> Listing:
    """The last of so many pages."""
    listing = await source.list_changes(Cursor(stream=Stream.TICKETS), options)
    for _ in range(count - 1):
        listing = await source.list_changes(listing.next, options)
    return listing


async def test_from_the_second_page_on_the_next_one_is_on_its_way(sandbox: SandboxServer) -> None:
    source, options = opened(sandbox.base_url), RunOptions()
    one = await pages(source, 1, options)
    assert sandbox.stats.requests[LIST] == 1, "who wants one page pays for one"
    two = await source.list_changes(one.next, options)
    async with asyncio.timeout(30):
        while sandbox.stats.requests[LIST] < 3:
            await asyncio.sleep(0.01)
    before = clock.now()
    three = await source.list_changes(two.next, options)
    assert three.refs
    assert all(ref.told_at is not None and ref.told_at <= before for ref in three.refs), "it is as old as its request"
    # Somebody else begins at another place: the page that was on its way is of no use.
    again = await source.list_changes(one.next, options)
    assert [ref.original_id for ref in again.refs] == [ref.original_id for ref in two.refs]
    await source.close()


async def test_a_close_that_is_canceled_leaves_no_connection_open(sandbox: SandboxServer) -> None:
    source, options = opened(sandbox.base_url), RunOptions()
    await pages(source, 2, options)
    assert isinstance(source, FreshdeskSource)
    sessions = list(source._http.transport._sessions.values())
    closing = asyncio.create_task(source.close())
    # It waits for the page that was on its way when the one who closes is told to end as well.
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert sessions
    assert all(session.closed for session in sessions)


async def test_a_bounded_read_asks_for_no_page_more(sandbox: SandboxServer) -> None:
    source = opened(sandbox.base_url)
    await pages(source, 3, RunOptions(limit=1_000))
    await source.close()
    assert sandbox.stats.requests[LIST] == 3


async def test_dead_files_of_an_item_are_renewed_by_reading_it_once(sandbox: SandboxServer) -> None:
    source = opened(sandbox.base_url)
    ticket_id = next(key for key, ticket in sandbox.account.tickets.items() if ticket.state == "live" and sandbox.account.attachments(key))
    ref = ItemRef(doc_type=DocType.TICKET, original_id=str(ticket_id), version="")
    fetched = await source.fetch(ref)
    await source.close()
    assert isinstance(fetched.item, Ticket)
    files = [*fetched.item.attachments, *(file for turn in fetched.item.conversations for file in turn.attachments)]
    reads: list[ItemRef] = []

    async def read(which: ItemRef) -> Fetched:
        reads.append(which)
        await asyncio.sleep(0)
        return fetched

    renewals = Renewals(read)
    found = await asyncio.gather(*(renewals.url(file, ref, "https://files.example/dead") for file in files * 20))
    assert len(reads) == 1
    assert [url for url, _ in found] == [file.url for file in files] * 20
    assert sum(fresh for _, fresh in found) == 1
    assert await renewals.url(files[0], ref, files[0].url) == (files[0].url, True), "it is asked for again when that one is dead too"
    unknown = Attachment(original_id="0", name="없음.pdf", content_type="application/pdf", size=1)
    assert await renewals.url(unknown, ref, None) == (None, True)
    assert len(reads) == 3

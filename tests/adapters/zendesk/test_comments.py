"""Comments in bulk and one by one are the same comments, at very different prices."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from backend.adapters.zendesk.comments import FEW
from backend.core.model.sync import Cursor, ItemRef, RunMode, RunOptions, Stream
from backend.core.model.ticket import Ticket
from backend.core.ports.source import Source
from sandbox.serve import ZendeskServer
from sandbox.zendesk import change
from tests.adapters.zendesk.opened import names, opened, order, ticket

_EVENTS = "GET /api/v2/incremental/ticket_events"
_COMMENTS = "GET /api/v2/tickets/{id}/comments"


async def everything(source: Source, refs: list[ItemRef]) -> dict[str, Ticket]:
    """All of them, some at once."""
    found = await asyncio.gather(*(ticket(source, ref) for ref in refs))
    return {each.original_id: each for each in found}


def pages(zendesk: ZendeskServer, numbers: Iterable[str]) -> int:
    """Calls that it takes to read the comments of these tickets one by one."""
    return sum(1 + (len(zendesk.site.world.comments(int(number))) - 1) // 100 for number in numbers)


async def test_a_first_sync_reads_them_in_bulk_and_finds_the_same(zendesk: ZendeskServer) -> None:
    source = opened(zendesk)
    bulk = await everything(source, await names(source))
    assert zendesk.stats.requests[_COMMENTS] == 0
    assert source.quota.calls <= 10
    assert source.quota.calls < 0.1 * len(bulk)
    await source.close()
    zendesk.stats.clear()
    order(zendesk, "ticket_events", "403", None)
    source = opened(zendesk)
    single = await everything(source, await names(source))
    assert zendesk.stats.requests[_COMMENTS] == pages(zendesk, single)
    assert zendesk.stats.requests[_EVENTS] == 1, "a refusal is not asked for twice"
    assert {key: msgspec.json.encode(each) for key, each in single.items()} == {
        key: msgspec.json.encode(each) for key, each in bulk.items()
    }
    await source.close()


async def test_few_changes_are_read_one_by_one_and_many_in_bulk(zendesk: ZendeskServer) -> None:
    source = opened(zendesk)
    refs = await names(source, options=RunOptions(mode=RunMode.FULL))
    for ref in refs[: FEW - 1]:
        await ticket(source, ref)
    asked = pages(zendesk, (ref.original_id for ref in refs[: FEW - 1]))
    assert (zendesk.stats.requests[_COMMENTS], zendesk.stats.requests[_EVENTS]) == (asked, 0)
    for ref in refs[FEW - 1 :]:
        await ticket(source, ref)
    assert zendesk.stats.requests[_COMMENTS] == asked + 1
    assert 0 < zendesk.stats.requests[_EVENTS] <= 3
    await source.close()


async def test_a_comment_that_the_events_leave_out_is_not_missing(zendesk: ZendeskServer) -> None:
    victim = next(t.id for t in zendesk.account.tickets.values() if zendesk.site.world.shown(t.id) and len(zendesk.account.turns(t.id)) > 2)
    hidden = zendesk.site.world.comments(victim)[1]
    zendesk.site.unlogged.add(hidden.id)
    source = opened(zendesk)
    found = await everything(source, await names(source))
    assert str(hidden.id) in {turn.original_id for turn in found[str(victim)].conversations}
    assert zendesk.stats.requests[_COMMENTS] == 1
    await source.close()


async def test_more_than_a_hundred_comments(zendesk: ZendeskServer) -> None:
    for number in range(230):
        change.add_comment(zendesk.site, 5, {"body": f"<p>{number}번째 답변</p>"})
    zendesk.site.pass_time(61)
    source = opened(zendesk)
    alone = await ticket(source, 5)
    listed = (await everything(source, await names(source)))["5"]
    assert [turn.html for turn in alone.conversations] == [turn.html for turn in listed.conversations]
    assert sum("번째 답변" in turn.html for turn in alone.conversations) == 230
    await source.close()


async def test_a_run_taken_up_near_its_end_reads_the_rest_one_by_one(zendesk: ZendeskServer) -> None:
    source = opened(zendesk)
    first = await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
    await source.close()
    zendesk.stats.clear()
    source = opened(zendesk)
    rest = await source.list_changes(first.next, RunOptions())
    await everything(source, list(rest.refs))
    assert (zendesk.stats.requests[_COMMENTS], zendesk.stats.requests[_EVENTS]) == (
        pages(zendesk, (ref.original_id for ref in rest.refs)),
        0,
    )
    await source.close()


@pytest.mark.parametrize("empty", [1, 3])
async def test_an_empty_page_that_is_not_the_last_is_walked_over(zendesk: ZendeskServer, empty: int) -> None:
    zendesk.site.empty_pages = empty
    source = opened(zendesk)
    refs = await names(source)
    assert len(refs) == len({ref.original_id for ref in refs}) == sum(map(zendesk.site.world.shown, zendesk.account.tickets))
    await source.close()


async def test_a_change_by_the_system_that_moves_no_update_is_seen(zendesk: ZendeskServer) -> None:
    source = opened(zendesk)
    before = {ref.original_id: ref.version for ref in await names(source)}
    change.touch_many(zendesk.site, [3])
    zendesk.site.pass_time(61)
    after = {ref.original_id: ref.version for ref in await names(source)}
    assert {key for key in after if after[key] != before[key]} == {"3"}
    await source.close()

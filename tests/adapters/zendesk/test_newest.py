"""A first sync of Zendesk begins with the newest: nothing is lost or read twice, wherever it is killed."""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.adapters.zendesk import newest
from backend.adapters.zendesk.events import AHEAD
from backend.core.errors import AppError, Code
from backend.core.model.sync import Cursor, Listing, RunMode, RunOptions, Stream
from backend.core.model.ticket import Ticket
from backend.core.ports.source import Source
from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk
from sandbox.zendesk import change
from tests.adapters.zendesk.opened import opened, order, ticket

DAY = 86_400
PAGE = 60
EXPORT, EVENTS, COMMENTS = (
    f"GET /api/v2/{path}" for path in ("incremental/tickets/cursor", "incremental/ticket_events", "tickets/{id}/comments")
)


@pytest.fixture
async def busy() -> AsyncIterator[ZendeskServer]:
    """An account of ten pages, of which one or two changed in the last sixty days."""
    options = SandboxOptions(tickets=600, export_page=PAGE, export_quota=100_000, reference=int(time.time()) - 120)
    async with running_zendesk(options) as server:
        yield server


def through_json(cursor: Cursor) -> Cursor:
    """As a cursor comes back from the store."""
    return Cursor(stream=cursor.stream, position=json.loads(json.dumps(cursor.position)))


class Copy:
    """What a sync keeps of tickets: it reads a listed version once."""

    def __init__(self, cursor: Cursor | None = None) -> None:
        self.cursor = cursor or Cursor(stream=Stream.TICKETS)
        self.named: list[str] = []
        self.read: Counter[str] = Counter()
        self.tickets: dict[str, Ticket] = {}
        self.versions: dict[str, str] = {}
        self.last = False

    @property
    def first(self) -> dict[str, Any]:
        """How the position tells of the newest."""
        found: dict[str, Any] = self.cursor.position.get("first", {})
        return found

    async def step(self, source: Source) -> Listing:
        """One page."""
        listing = await source.list_changes(self.cursor, RunOptions())
        for ref in listing.refs:
            self.named.append(ref.original_id)
            if self.versions.get(ref.original_id) != ref.version:
                self.read[ref.original_id] += 1
                self.tickets[ref.original_id] = await ticket(source, ref)
                self.versions[ref.original_id] = ref.version
        self.cursor, self.last = through_json(listing.next), listing.last
        return listing

    async def finish(self, source: Source, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        """All pages that are left."""
        while not self.last:
            await self.step(source)
            if meanwhile is not None:
                await meanwhile()

    def assert_is_truth(self, server: ZendeskServer) -> None:
        """Every ticket with all its comments, in its last version."""
        world = server.site.world
        assert set(self.tickets) == {str(number) for number in server.account.tickets if world.shown(number)}
        for key, found in self.tickets.items():
            said = [str(comment.id) for comment in world.comments(int(key))]
            assert [turn.original_id for turn in found.conversations[1:]] == said[1:], key
            assert self.versions[key].endswith(f" {world.generated(int(key))}"), key


def lately(server: ZendeskServer, days: int = 60) -> set[str]:
    """Tickets that somebody changed in the last days; those of the window's edge are left out."""
    floor = time.time() - days * DAY + 600
    return {str(n) for n, each in server.account.tickets.items() if server.site.world.shown(n) and each.updated_at >= floor}


async def test_the_newest_are_named_first_everything_is_named_and_nothing_read_twice(busy: ZendeskServer) -> None:
    source, copy = opened(busy), Copy()
    await copy.finish(source)
    await source.close()
    copy.assert_is_truth(busy)
    recent = lately(busy)
    assert 30 < len(recent) < 300
    assert recent <= set(copy.named[: len(recent) + 20])
    assert set(copy.read.values()) == {1}
    pages = -(-len(busy.site.world.rows()) // PAGE)
    asked = busy.stats.requests
    assert asked[EXPORT] <= pages + len(recent) // PAGE + 4
    assert asked[COMMENTS] <= 30
    assert asked[EVENTS] <= 1.15 * len(busy.site.world.events()) / PAGE
    # The next run begins where the walk through everything ended.
    rows = busy.site.world.rows()
    assert copy.cursor.position == {"since": rows[-1][0] - 300, "rest": True}


async def test_what_changes_meanwhile_is_named_at_the_next_look(busy: ZendeskServer) -> None:
    source, copy = opened(busy), Copy()
    while not copy.first or "window" in copy.first:
        await copy.step(source)
    # By the order of the export it is the last but those of the window.
    old = next(str(n) for _, n in reversed(busy.site.world.rows()) if busy.site.world.shown(n) and str(n) not in copy.versions)
    change.add_comment(busy.site, int(old), {"body": "<p>지금 바뀌었습니다.</p>"})
    busy.site.pass_time(61)
    assert old not in {ref.original_id for ref in (await copy.step(source)).refs}, "it is not yet time"
    events = busy.stats.requests[EVENTS]
    copy.cursor.position["first"]["asked"] = time.time() - newest.HEAD_SECONDS
    assert [ref.original_id for ref in (await copy.step(source)).refs] == [old]
    assert "지금 바뀌었습니다" in copy.tickets[old].conversations[-1].html
    assert busy.stats.requests[EVENTS] <= events + AHEAD, "the walk through the events is not dragged to now"
    await copy.finish(source)
    await source.close()
    copy.assert_is_truth(busy)
    assert copy.read[old] == 1


async def test_killed_at_every_step_it_goes_on_and_loses_nothing(busy: ZendeskServer) -> None:
    copy, steps, phases = Copy(), 0, set()
    while not copy.last:
        source = opened(busy)
        await copy.step(source)
        await source.close()
        steps += 1
        phases.add("window" if "window" in copy.first else "head" if copy.first.get("at_head") else "all")
        if steps % 4 == 0 and not copy.last:
            number = next(int(key) for key in copy.versions)
            change.add_comment(busy.site, number, {"body": f"<p>{steps}</p>"})
            busy.site.pass_time(61)
            if copy.first:
                copy.cursor.position["first"]["asked"] = 0.0
    assert steps > 12
    assert {"window", "all"} <= phases
    copy.assert_is_truth(busy)


async def test_a_bulk_edit_by_the_system_costs_pages_of_the_list_and_no_more(busy: ZendeskServer) -> None:
    at = busy.site.world.now() - 20 * 3600
    for number in busy.account.tickets:
        busy.site.world.touch(number, at)
    source, copy = opened(busy), Copy()
    await copy.step(source)
    while "window" in copy.first:
        await copy.step(source)
    assert set(copy.versions) <= lately(busy)
    await copy.finish(source)
    await source.close()
    copy.assert_is_truth(busy)
    assert set(copy.read.values()) == {1}
    pages = -(-len(busy.site.world.rows()) // PAGE)
    assert busy.stats.requests[EXPORT] <= 2 * pages + 3
    assert busy.stats.requests[COMMENTS] <= 30


async def test_a_bulk_edit_by_an_agent_costs_a_call_for_some_and_the_others_wait(
    busy: ZendeskServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "MOST_OLD", 25)
    at = busy.site.world.now() - 20 * 3600
    for number, each in busy.account.tickets.items():
        if each.state in ("live", "archived") and each.created_at < at - 200 * DAY:
            each.updated_at = at
            busy.site.world.touch(number, at)
    source, copy = opened(busy), Copy()
    await copy.step(source)
    while "window" in copy.first:
        await copy.step(source)
    assert 25 <= busy.stats.requests[COMMENTS] <= 30
    await copy.finish(source)
    await source.close()
    copy.assert_is_truth(busy)
    assert set(copy.read.values()) == {1}
    assert busy.stats.requests[COMMENTS] <= 60


async def test_without_events_each_ticket_costs_its_calls_once(busy: ZendeskServer) -> None:
    order(busy, "ticket_events", "403", None)
    source, copy = opened(busy), Copy()
    await copy.finish(source)
    await source.close()
    copy.assert_is_truth(busy)
    assert set(copy.read.values()) == {1}
    assert busy.stats.requests[EVENTS] <= 2


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 8])
async def test_a_refusal_in_the_middle_is_gone_on_from(busy: ZendeskServer, steps: int) -> None:
    source, copy = opened(busy, attempts=1), Copy()
    for _ in range(steps):
        await copy.step(source)
    order(busy, "/incremental/tickets/cursor", "429", seconds=300)
    refused = None
    while refused is None and not copy.last:
        try:
            await copy.step(source)
        except AppError as error:
            refused = error
    assert refused is not None
    assert refused.code is Code.SOURCE_RATE_LIMITED
    await source.close()
    source = opened(busy)
    await copy.finish(source)
    await source.close()
    copy.assert_is_truth(busy)


async def test_a_position_of_before_goes_on_as_it_was(busy: ZendeskServer) -> None:
    source, copy = opened(busy), Copy()
    while not copy.first or "window" in copy.first or "after" not in copy.cursor.position:
        await copy.step(source)
    del copy.cursor.position["first"]
    later = Copy(copy.cursor)
    await later.finish(source)
    await source.close()
    assert len(later.named) == len(set(later.named))
    assert set(copy.named) | set(later.named) == {str(n) for n in busy.account.tickets if busy.site.world.shown(n)}


async def test_an_account_of_one_page_pays_nothing(zendesk: ZendeskServer) -> None:
    source, copy = opened(zendesk), Copy()
    await copy.step(source)
    assert copy.named
    assert "first" not in copy.cursor.position
    await copy.finish(source)
    await source.close()
    assert zendesk.stats.requests[EXPORT] == 1
    assert len(copy.named) == len(set(copy.named))


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(limit=500),
        RunOptions(since=datetime(2020, 1, 1, tzinfo=UTC)),
        RunOptions(until=datetime.now(UTC) + timedelta(days=1)),
        RunOptions(statuses=("solved",)),
        RunOptions(mode=RunMode.FULL),
        RunOptions(mode=RunMode.REFRESH),
    ],
    ids=["limit", "since", "until", "statuses", "full", "refresh"],
)
async def test_who_asks_for_some_of_it_or_for_all_again_gets_it_in_the_order_of_the_export(
    busy: ZendeskServer, options: RunOptions
) -> None:
    source = opened(busy)
    listing = await source.list_changes(Cursor(stream=Stream.TICKETS), options)
    assert "first" not in listing.next.position
    # Also of a run that began with the newest, whatever it is asked for then.
    begun = await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
    assert "window" in begun.next.position["first"]
    assert "first" not in (await source.list_changes(begun.next, options)).next.position
    await source.close()

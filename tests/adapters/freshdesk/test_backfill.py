"""Reading everything, the newest first: nothing is lost, whatever moves, and what changes meanwhile comes soon."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import time_machine

from backend.adapters.freshdesk import backfill, walk
from tests.adapters.freshdesk.ticket_list import START, Account, at, everything

DAY = 86_400
Named = list[tuple[str, str]]


def run(account: Account, traveller: Any, between: Callable[[], None] | None = None) -> tuple[Named, walk.Place]:
    """A whole backfill, its state through JSON at every page, a second of time for each."""
    state, named = backfill.begin(walk.EVER), []
    while True:
        state = msgspec.json.decode(msgspec.json.encode(state), type=backfill.Backfill)
        state, place = backfill.turn(state)
        step = backfill.advance(state, place, account.page(backfill.query_of(state, place)))
        named += [(str(record["id"]), record["updated_at"]) for record in step.records]
        if step.rest is not None:
            return named, step.rest
        state = step.then
        traveller.shift(1.0)
        if between is not None:
            between()


def _years(tickets: int, rng: random.Random) -> Account:
    """Tickets of four years."""
    times = sorted(rng.randrange(4 * 365 * DAY) for _ in range(tickets))
    return Account({key: (moment, moment) for key, moment in enumerate(times)})


def _travel(account: Account) -> time_machine.travel:
    return time_machine.travel(START + timedelta(seconds=account.now), tick=False)


@pytest.mark.parametrize("tickets", [0, 1, 99, 100, 101, 2_000])
def test_a_quiet_list_is_named_once_and_the_newest_first(tickets: int) -> None:
    account = _years(tickets, random.Random(tickets))
    with _travel(account) as traveller:
        named, rest = run(account, traveller)
        assert sorted(named) == sorted(everything(account))
        assert account.calls <= (1 if tickets < 100 else tickets // 99 + 2 * 4 + 2)
    fortnight = at(account.now - 14 * DAY)
    recent = [version >= fortnight for _, version in named]
    assert recent == sorted(recent, reverse=True)
    place = walk.begin(rest, full=False, since=None, mode="incremental")
    assert place.since <= max([version for _, version in named], default=walk.EVER)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_changes_meanwhile_is_named_in_its_last_version(seed: int) -> None:
    rng = random.Random(seed)
    account = _years(3_000, rng)
    with _travel(account) as traveller:

        def between() -> None:
            traveller.shift(rng.choice((1.0, 60.0, 600.0)))
            account.now += 1
            for _ in range(rng.choice((0, 1, 5))):
                key = rng.choice([*account.tickets, max(account.tickets) + 1])
                account.tickets.setdefault(key, (account.now, account.now))
                account.touch(key)

        named, rest = run(account, traveller, between)
    # What changed behind the head's last page is left to the next run.
    left = {(key, version) for key, version in everything(account) if version >= rest.since}
    assert everything(account) - left <= set(named)
    assert len(left) < 1_000


def test_what_changes_meanwhile_does_not_wait_for_the_old() -> None:
    account = _years(6_000, random.Random(3))
    with _travel(account) as traveller:
        pages = 0
        named_at: list[int] = []

        def between() -> None:
            nonlocal pages
            pages += 1
            traveller.shift(2.0)
            if pages == 40:
                account.touch(5)

        def page(query: dict[str, object]) -> list[dict[str, object]]:
            found = Account.page(account, query)
            if pages > 40 and any(record["id"] == 5 for record in found):
                named_at.append(pages)
            return found

        account.page = page  # type: ignore[method-assign]  # one account of this test's own, which is to note its pages
        run(account, traveller, between)
    assert pages > 60
    assert named_at[0] - 40 <= backfill.HEAD_SECONDS / 3 + 2


def test_many_tickets_of_one_second_on_a_window_s_edge() -> None:
    account = _years(300, random.Random(4))
    edge = account.now - 90 * DAY
    account.tickets |= {10_000 + key: (edge - key, edge) for key in range(700)}
    with _travel(account) as traveller:
        named, _ = run(account, traveller)
    assert set(named) >= everything(account)
    assert len(named) <= len(account.tickets) + 10

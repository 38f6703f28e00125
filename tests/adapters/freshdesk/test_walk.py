"""Walking a list that changes meanwhile: nothing is lost, whatever moves, and however many tickets share a second."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from backend.adapters.freshdesk import walk
from backend.core.errors import AppError, Code
from tests.adapters.freshdesk.ticket_list import START, Account, at, everything


def run(account: Account, place: walk.Place, between: Any = None) -> tuple[list[tuple[str, str]], walk.Place]:
    """One run: what was named (id, version), and where the next one starts."""
    place = walk.begin(place, full=False, since=None, mode="incremental")
    began, named = place.since, []
    while True:
        place = msgspec.json.decode(msgspec.json.encode(place), type=walk.Place)
        step = walk.advance(place, account.page(walk.query_of(place)), cap=account.cap)
        named += [(str(record["id"]), record["updated_at"]) for record in step.records]
        newest = max([place.newest, *(record["updated_at"] for record in step.records)])
        if step.then is None:
            return named, walk.finish(msgspec.structs.replace(place, newest=newest), began)
        place = step.then
        if between is not None:
            between()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250, 1000])
def test_quiet_list_is_named_once(count: int) -> None:
    account = Account({key: (key, key * 7) for key in range(count)})
    named, rest = run(account, walk.Place())
    assert sorted(named) == sorted(everything(account))
    # One ticket of every page comes twice on the wire, which costs one call in a hundred.
    assert account.calls <= count // 99 + 2
    again, resting = run(account, rest)
    assert {key for key, _ in again} <= {key for key, _ in named}
    assert resting == rest


@pytest.mark.parametrize("same", [99, 100, 101, 250, 700])
def test_many_tickets_of_one_second(same: int) -> None:
    account = Account({key: (key, 500 if 100 <= key < 100 + same else key) for key in range(1000)})
    named, _ = run(account, walk.Place())
    assert sorted(set(named)) == sorted(everything(account))
    assert len(named) == len(set(named))


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_while_tickets_change_and_vanish(seed: int) -> None:
    chance = random.Random(seed)
    bulk = chance.choice([0, 150, 420])
    tickets = {key: (key, 2_000 if key < bulk else chance.randrange(5_000)) for key in range(900)}
    account = Account(tickets)

    def between() -> None:
        for _ in range(chance.randrange(4)):
            account.touch(chance.choice(list(account.tickets)))
        for _ in range(chance.randrange(3)):
            del account.tickets[chance.choice(list(account.tickets))]

    named, rest = run(account, walk.Place(), between)
    later, _ = run(account, rest)
    assert everything(account) <= set(named) | set(later)


def test_paging_by_number_alone_would_lose_tickets() -> None:
    """The reason for all this: turning pages of a list whose first tickets move to the end."""
    account = Account({key: (key, key) for key in range(300)})
    seen = []
    for page in (1, 2, 3):
        rows = account.page({"updated_since": walk.EVER, "order_by": "updated_at", "order_type": "asc", "per_page": 100, "page": page})
        seen += [row["id"] for row in rows]
        for row in rows[:5]:
            account.touch(row["id"])
    assert set(account.tickets) - set(seen)


@pytest.mark.parametrize("same", [301, 399, 450, 578])
def test_more_tickets_of_one_second_than_the_pages_hold(same: int) -> None:
    # With a cap of 3 pages 300 tickets can be turned through; both ends of their creation reach nearly 600.
    account = Account({key: (key, 500 if key < same else 1_000 + key) for key in range(same + 20)}, cap=3)
    named, _ = run(account, walk.Place())
    assert set(named) == everything(account)


def test_beyond_both_ends_it_is_told() -> None:
    account = Account({key: (key, 500) for key in range(700)}, cap=3)
    with pytest.raises(AppError) as caught:
        run(account, walk.Place())
    assert caught.value.code is Code.SOURCE_MALFORMED
    assert at(500) in caught.value.message


def test_a_cap_that_is_lower_than_told() -> None:
    place = walk.beyond_cap(walk.Place(since=at(1), page=4))
    assert (place.scan, place.page) == (walk.Scan.CREATED_ASC, 3)
    with pytest.raises(AppError):
        walk.beyond_cap(walk.Place(since=at(1), page=4, scan=walk.Scan.CREATED_DESC))


def test_a_run_half_way_goes_on_and_a_full_one_begins_anew() -> None:
    half = walk.Place(since=at(50), page=2, mode="incremental")
    assert walk.begin(half, full=False, since=None, mode="incremental") == half
    assert walk.begin(half, full=True, since=None, mode="full").since == walk.EVER
    rest = walk.Place(since=at(50), rest=True)
    assert walk.begin(rest, full=False, since=START + timedelta(seconds=90), mode="incremental").since == at(90)
    assert walk.begin(rest, full=False, since=START + timedelta(seconds=10), mode="incremental").since == at(50)

"""What every account budget must do."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.quota import ACCOUNT, Call, Lane, Outcome, Reading, Settlement
from backend.core.ports.budget import Budgets, Grant, Spender
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from backend.storage.redis.budget.budgets import RedisBudgets

BUDGETS = ("inprocess", "redis")
VIEW = Call(route="tickets/view", cost=3)
DONE = Settlement(outcome=Outcome.ANSWERED)


@pytest.fixture(params=BUDGETS)
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[int], Budgets]]:
    made: list[Budgets] = []

    def new(concurrency: int) -> Budgets:
        redis = request.param == "redis"
        made.append(RedisBudgets(request.getfixturevalue("redis_url"), concurrency) if redis else InProcessBudgets(concurrency))
        return made[-1]

    yield new
    for budgets in made:
        if isinstance(budgets, RedisBudgets):
            await budgets.close()


async def known(budgets: Budgets) -> None:
    """Wait until what was settled is known to everybody: a shared budget sends it in the background."""
    if isinstance(budgets, RedisBudgets):
        await budgets.flush()


def told(remaining: int, limit: int = 100, bucket: str = ACCOUNT) -> Settlement:
    """An answer that tells what is left."""
    return Settlement(outcome=Outcome.ANSWERED, used=1, readings=(Reading(bucket=bucket, limit=limit, remaining=remaining),))


async def now_or_never(spender: Spender, call: Call = VIEW) -> Grant:
    """A grant that must not have to wait."""
    async with asyncio.timeout(5):
        return await spender.acquire(call, longest_wait=0)


async def meet(spender: Spender, settlement: Settlement = DONE, call: Call = VIEW) -> None:
    """The first call of an account."""
    (await now_or_never(spender, call)).settle(settlement)


class Queue:
    """Acquires that wait, and the order in which they got their turn."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def add(self, name: str, spender: Spender, *, urgent: bool = False, call: Call = VIEW) -> None:
        async def one() -> None:
            grant = await spender.acquire(call, urgent=urgent, longest_wait=60)
            self.order.append(name)
            await asyncio.sleep(0)
            grant.settle(DONE)

        self.tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(0)

    async def over(self) -> list[str]:
        async with asyncio.timeout(5):
            await asyncio.gather(*self.tasks)
        return self.order


async def test_no_more_calls_run_at_once_than_allowed_but_two_for_people(make: Callable[[int], Budgets]) -> None:
    budgets = make(3)
    sync, person = budgets.join("acme", Lane.BACKFILL), budgets.join("acme", Lane.LIVE)
    await meet(sync)
    running = [await now_or_never(sync) for _ in range(3)]
    queue = Queue()
    await queue.add("sync", sync)
    running += [await now_or_never(person) for _ in range(2)]
    await queue.add("person", person)
    assert queue.order == []
    for grant in running:
        grant.settle(DONE)
    assert await queue.over() == ["person", "sync"]


async def test_lanes_are_served_in_order_and_urgent_calls_first_within_theirs(make: Callable[[int], Budgets]) -> None:
    budgets = make(1)
    spenders = {lane: budgets.join("acme", lane) for lane in Lane}
    await meet(spenders[Lane.LIVE])
    held = [await now_or_never(spenders[Lane.LIVE]) for _ in range(3)]
    queue = Queue()
    for lane in (Lane.BACKFILL, Lane.INCREMENTAL, Lane.WEBHOOK, Lane.LIVE):
        await queue.add(lane.value, spenders[lane])
        await queue.add(f"urgent {lane.value}", spenders[lane], urgent=True)
    for grant in held:
        grant.settle(DONE)
    order = await queue.over()
    assert order == [name for lane in Lane for name in (f"urgent {lane.value}", lane.value)]


async def test_spenders_of_a_lane_take_turns(make: Callable[[int], Budgets]) -> None:
    budgets = make(1)
    busy, small = budgets.join("acme", Lane.BACKFILL), budgets.join("acme", Lane.BACKFILL)
    await meet(busy)
    held = await now_or_never(busy)
    queue = Queue()
    for number in range(6):
        await queue.add(f"busy {number}", busy)
    await queue.add("small 0", small)
    await queue.add("small 1", small)
    held.settle(DONE)
    assert await queue.over() == ["busy 0", "small 0", "busy 1", "small 1", "busy 2", "busy 3", "busy 4", "busy 5"]


async def test_what_one_spender_learns_all_of_the_account_know_and_nobody_else(make: Callable[[int], Budgets]) -> None:
    budgets = make(4)
    first = budgets.join("acme", Lane.BACKFILL)
    await meet(first, told(0))
    first.leave()
    second, other = budgets.join("acme", Lane.LIVE), budgets.join("globex", Lane.LIVE)
    with pytest.raises(AppError) as caught:
        await now_or_never(second)
    assert caught.value.code is Code.SOURCE_RATE_LIMITED
    assert 50 <= (caught.value.retry_after or 0) <= 60
    (await now_or_never(other)).settle(DONE)
    await known(budgets)
    assert other.look().buckets == ()
    assert second.look().buckets[0].remaining == 0
    assert second.look().limit is None, "what it was told itself"


async def test_a_refusal_holds_everybody_of_the_account(make: Callable[[int], Budgets]) -> None:
    budgets = make(4)
    sync, person, other = (budgets.join(*each) for each in (("acme", Lane.BACKFILL), ("acme", Lane.LIVE), ("globex", Lane.BACKFILL)))
    await meet(sync, Settlement(outcome=Outcome.REFUSED, retry_after=500.0))
    for spender in (sync, person):
        with pytest.raises(AppError) as caught:
            await spender.acquire(Call(route="agents/list"), longest_wait=60)
        assert caught.value.code is Code.SOURCE_RATE_LIMITED
        assert caught.value.retry_after == pytest.approx(500, abs=5)
    await meet(other)


async def test_a_pause_is_told_while_it_lasts(make: Callable[[int], Budgets]) -> None:
    budgets = make(4)
    spender = budgets.join("acme", Lane.BACKFILL)
    await meet(spender, Settlement(outcome=Outcome.REFUSED, retry_after=0.2))
    queue = Queue()
    await queue.add("one", spender)
    await known(budgets)
    view = spender.look()
    assert (view.waiting_for, view.waiting_seconds > 0) == ("pause", True)
    assert await queue.over() == ["one"]
    view = spender.look()
    assert (view.waiting_for, view.waiting_seconds) == ("", 0.0)
    assert view.waited_seconds > 0


async def test_an_empty_quota_holds_only_who_needs_it(make: Callable[[int], Budgets]) -> None:
    spender = make(4).join("acme", Lane.INCREMENTAL)
    agents, tickets = Call(route="agents/list"), Call(route="tickets/list")
    await meet(spender, told(90), agents)
    await meet(spender, told(0, 40, "tickets:40"), tickets)
    waiting = asyncio.create_task(spender.acquire(tickets, longest_wait=90))
    await asyncio.sleep(0)
    (await now_or_never(spender, agents)).settle(told(88))
    with pytest.raises(AppError, match="quota"):
        await spender.acquire(tickets, longest_wait=5)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_what_was_never_sent_costs_nothing(make: Callable[[int], Budgets]) -> None:
    budgets = make(4)
    spender = budgets.join("acme", Lane.LIVE)
    await meet(spender, told(10))
    for _ in range(20):
        (await now_or_never(spender)).settle(Settlement(outcome=Outcome.UNSENT))
    await known(budgets)
    assert spender.look().remaining == 10
    (await now_or_never(spender)).settle(told(9))
    await known(budgets)
    assert spender.look().remaining == 9


async def test_a_dear_call_of_a_higher_lane_is_not_starved_by_cheap_ones(make: Callable[[int], Budgets]) -> None:
    budgets = make(4)
    person, sync = budgets.join("acme", Lane.LIVE), budgets.join("acme", Lane.BACKFILL)
    await meet(person, told(5))
    dear = asyncio.create_task(person.acquire(Call(route="tickets/list", cost=7), longest_wait=90))
    await asyncio.sleep(0)
    cheap = asyncio.create_task(sync.acquire(Call(route="tickets/view", cost=1), longest_wait=90))
    await asyncio.sleep(0.01)
    assert not dear.done()
    assert not cheap.done()
    for task in (dear, cheap):
        task.cancel()
    await asyncio.gather(dear, cheap, return_exceptions=True)


async def test_who_is_canceled_takes_nothing(make: Callable[[int], Budgets]) -> None:
    spender = make(1).join("acme", Lane.BACKFILL)
    await meet(spender)
    held = await now_or_never(spender)
    waiting = [asyncio.create_task(spender.acquire(VIEW, longest_wait=60)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    # The second one gets its turn and is canceled before it can know.
    held.settle(DONE)
    waiting[1].cancel()
    async with asyncio.timeout(5):
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in ended] == [True, True, False]
    assert not isinstance(ended[2], BaseException)
    ended[2].settle(DONE)
    (await now_or_never(spender)).settle(DONE)


@pytest.mark.parametrize("seed", range(5))
async def test_a_storm_of_calls_leaves_nothing_behind(make: Callable[[int], Budgets], seed: int) -> None:
    rng = random.Random(seed)
    budgets = make(5)
    spenders = [budgets.join("acme", lane) for lane in Lane for _ in range(2)]
    outcomes = (Outcome.ANSWERED, Outcome.ANSWERED, Outcome.UNSENT, Outcome.FAILED)
    running = most = granted = 0
    await meet(spenders[0], told(1_000_000, 1_000_000))

    async def one(spender: Spender) -> None:
        nonlocal running, most, granted
        route = rng.choice(("tickets/view", "tickets/list", "agents/list"))
        grant = await spender.acquire(Call(route=route, cost=rng.randint(1, 7)), urgent=rng.random() < 0.2, longest_wait=60)
        running += 1
        most, granted = max(most, running), granted + 1
        try:
            for _ in range(rng.randint(0, 3)):
                await asyncio.sleep(0)
        finally:
            running -= 1
            grant.settle(Settlement(outcome=rng.choice(outcomes)))

    async with asyncio.timeout(20):
        tasks = [asyncio.create_task(one(rng.choice(spenders))) for _ in range(600)]
        while not all(task.done() for task in tasks):
            rng.choice(tasks).cancel()
            await known(budgets)
            await asyncio.sleep(0)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(each is None or isinstance(each, asyncio.CancelledError) for each in ended)
    assert granted > 100
    assert most <= 5 + 2
    # Nothing is held any more: as many as ever may run at once, and the credits add up.
    live = spenders[0]
    for grant in [await now_or_never(live, Call(route="agents/list", cost=1)) for _ in range(3)]:
        grant.settle(Settlement(outcome=Outcome.UNSENT))
    assert all(spender.look().waiting_for == "" for spender in spenders)

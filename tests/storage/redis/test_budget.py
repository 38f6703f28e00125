"""Account budgets in Redis: several processes, one that dies, Redis away or emptied, and no tenant's words in a key."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from backend.core.errors import AppError, Code
from backend.core.model.quota import Call, Lane, Outcome, Settlement
from backend.core.ports.budget import Spender
from backend.storage.redis.budget import account
from backend.storage.redis.budget.budgets import RedisBudgets
from tests.contract.test_budget import DONE, VIEW, meet, now_or_never, told
from tests.servers.redis import own_server

Make = Callable[..., RedisBudgets]


@pytest.fixture
async def make(redis_url: str) -> AsyncIterator[Make]:
    """Budgets as separate processes have them."""
    made: list[RedisBudgets] = []

    def new(concurrency: int = 2) -> RedisBudgets:
        made.append(RedisBudgets(redis_url, concurrency))
        return made[-1]

    yield new
    for budgets in made:
        await budgets.close()


async def test_processes_share_what_one_learned_and_what_runs(make: Make) -> None:
    one, two = make(), make()
    first, second = one.join("acme", Lane.BACKFILL), two.join("acme", Lane.BACKFILL)
    await meet(first, told(90))
    await one.flush()
    held = [await now_or_never(first), await now_or_never(second)]
    third = asyncio.create_task(second.acquire(VIEW, longest_wait=60))
    await asyncio.sleep(0.2)
    assert not third.done(), "two may run at once, in all processes together"
    assert second.look().buckets[0].limit == 100
    held[0].settle(DONE)
    grant = await asyncio.wait_for(third, 10)
    grant.settle(DONE)
    held[1].settle(DONE)


async def test_lanes_go_before_processes(make: Make) -> None:
    one, two = make(1), make(1)
    sync, person = one.join("acme", Lane.BACKFILL), two.join("acme", Lane.LIVE)
    await meet(sync)
    held = [await now_or_never(sync)] + [await now_or_never(person) for _ in range(2)]
    order: list[str] = []

    async def call(name: str, spender: Spender) -> None:
        grant = await spender.acquire(VIEW, longest_wait=60)
        order.append(name)
        grant.settle(DONE)

    waiting = [asyncio.create_task(call("sync", sync))]
    await one.flush()
    waiting.append(asyncio.create_task(call("person", person)))
    await asyncio.sleep(0)
    await two.flush()
    for grant in held:
        grant.settle(DONE)
    await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert order == ["person", "sync"]


async def test_what_a_dead_process_held_is_free_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "GRANT_SECONDS", 0.2)
    monkeypatch.setattr(account, "WAITER_SECONDS", 0.2)
    dead, alive = make(1), make(1)
    spender = dead.join("acme", Lane.BACKFILL)
    await meet(spender)
    await now_or_never(spender)
    waiting = asyncio.create_task(spender.acquire(VIEW, longest_wait=60))
    await asyncio.sleep(0)
    await dead.flush()
    await dead.close()
    grant = await asyncio.wait_for(alive.join("acme", Lane.BACKFILL).acquire(VIEW, longest_wait=60), 20)
    grant.settle(DONE)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_an_emptied_redis_learns_anew_and_nobody_hangs(make: Make, redis_url: str) -> None:
    budgets = make(1)
    spender = budgets.join("acme", Lane.LIVE)
    await meet(spender, told(50))
    held, *_ = [await now_or_never(spender) for _ in range(3)]
    waiting = asyncio.create_task(spender.acquire(VIEW, longest_wait=60))
    await asyncio.sleep(0)
    await budgets.flush()
    client = Redis.from_url(redis_url)
    await client.flushdb()
    grant = await asyncio.wait_for(waiting, 20)
    grant.settle(DONE)
    held.settle(told(40))
    await budgets.flush()
    assert spender.look().buckets[0].remaining == 40
    names = [name.decode() for name in await client.keys("*")]
    assert names == ["desklore:account:acme"], "the registry gives a hash of address and credential"
    await client.aclose()


async def test_two_accounts_never_touch(make: Make) -> None:
    budgets = make(1)
    acme, bravo = budgets.join("acme", Lane.LIVE), budgets.join("bravo", Lane.LIVE)
    await meet(acme, Settlement(outcome=Outcome.REFUSED, retry_after=500.0))
    await budgets.flush()
    await meet(bravo)
    with pytest.raises(AppError) as caught:
        await acme.acquire(Call(route="agents/list"), longest_wait=1)
    assert caught.value.code is Code.SOURCE_RATE_LIMITED
    assert bravo.look().waiting_for == ""


async def test_while_redis_is_away_nobody_calls_unseen_and_then_all_goes_on() -> None:
    with own_server() as server:
        budgets = RedisBudgets(server.url(), 4)
        spender = budgets.join("acme", Lane.LIVE)
        await meet(spender)
        held = await now_or_never(spender)
        server.kill()
        with pytest.raises(AppError) as caught:
            await spender.acquire(VIEW, longest_wait=60)
        assert caught.value.code is Code.SHARED_STATE_UNAVAILABLE
        held.settle(told(30))
        server.start()
        grant = None
        async with asyncio.timeout(20):
            while grant is None:
                try:
                    grant = await spender.acquire(VIEW, longest_wait=60)
                except AppError:
                    await asyncio.sleep(0.05)
        grant.settle(told(29))
        await budgets.flush()
        assert spender.look().remaining == 29
        await budgets.close()

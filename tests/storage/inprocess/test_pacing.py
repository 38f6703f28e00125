"""A quota is used up to the last credit, without being refused, whatever way the vendor counts: minutes on a clock that jumps."""

import asyncio
import random
from collections.abc import Callable

import pytest

from backend.core.model.quota import Call, Lane, Outcome
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from tests.storage.inprocess.vendors import Counter, Drips, Vendor, Windows, call, keep_calling, now, played

MINUTES = 5
WAYS: dict[str, Callable[[int], Counter]] = {
    "windows from the first call": Windows,
    "windows of the clock": lambda limit: Windows(limit, phase=3.7),
    "credits that drip": Drips,
}


class Day:
    """A backfill that always has more to do, for some minutes, and whoever else calls meanwhile."""

    def __init__(self, counter: Counter, *, share: float = 0.1, cost: int = 1) -> None:
        self.vendor = Vendor(counter)
        self.budgets = InProcessBudgets(24, share, clock=now)
        self.began = now()
        self.end = self.began + 60 * MINUTES
        spender = self.budgets.join("acme", Lane.BACKFILL)
        self.tasks = [asyncio.create_task(keep_calling(spender, self.vendor, until=self.end, cost=cost)) for _ in range(30)]
        self.rng = random.Random(3)

    def of_minute(self, minute: int) -> int:
        """Credits spent in a minute."""
        return self.vendor.between(self.began + 60 * minute, self.began + 60 * (minute + 1))

    def used(self) -> float:
        """Share of the quota that was used after the first minute."""
        return sum(self.of_minute(minute) for minute in range(1, MINUTES)) / (self.vendor.account.limit * (MINUTES - 1))

    def refused(self) -> list[float]:
        """When calls were refused after the first minute."""
        return [at - self.began for at in self.vendor.refused if at - self.began > 60]

    async def over(self) -> None:
        """Wait until the day is over."""
        await asyncio.sleep(self.end - now())
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.mark.parametrize("cost", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_a_backfill_uses_the_quota_and_is_never_refused(way: str, cost: int) -> None:
    async def play() -> None:
        day = Day(WAYS[way](200), cost=cost)
        await day.over()
        assert day.used() >= 0.97
        assert day.refused() == []
        assert day.vendor.most <= 10

    played(play)


@pytest.mark.parametrize("way", WAYS)
def test_with_other_integrations_the_quota_is_used_together(way: str) -> None:
    async def play() -> None:
        day = Day(WAYS[way](200), cost=3)
        others: list[Outcome] = []

        async def other() -> None:
            while now() < day.end:
                others.append(day.vendor.count("other", 1).outcome)
                await asyncio.sleep(day.rng.uniform(1, 5))

        day.tasks.append(asyncio.create_task(other()))
        await day.over()
        assert day.used() >= 0.97
        assert day.refused() == []
        assert others.count(Outcome.REFUSED) <= 1
        assert len(others) > 60

    played(play)


@pytest.mark.parametrize("way", WAYS)
def test_a_person_waits_less_than_a_second_behind_a_backfill(way: str) -> None:
    async def play() -> None:
        day = Day(WAYS[way](200), cost=3)
        spender = day.budgets.join("acme", Lane.LIVE)
        waits: list[float] = []

        async def person() -> None:
            while now() < day.end:
                began = now()
                grant = await spender.acquire(Call(route="tickets/view", cost=6), longest_wait=60)
                waits.append(now() - began)
                grant.settle(await day.vendor.answer("tickets", 6))
                await asyncio.sleep(day.rng.uniform(5, 15))

        day.tasks.append(asyncio.create_task(person()))
        await day.over()
        assert max(waits) <= 1.0
        assert len(waits) > 20
        assert day.used() >= 0.95

    played(play)


def test_what_others_may_still_need_is_left_to_them_until_it_would_be_lost() -> None:
    async def play() -> None:
        day = Day(Windows(200), share=0.4)
        await asyncio.sleep(20)
        # A third of the window is over: two thirds of their 40 % are untouched.
        assert day.vendor.account.remaining >= 200 * 0.4 * 2 / 3
        await asyncio.sleep(39.5)
        assert day.vendor.account.remaining <= 4
        await day.over()
        assert day.used() >= 0.97

    played(play)


def test_smaller_quotas_within_the_account_are_kept_apart() -> None:
    async def play() -> None:
        vendor = Vendor(Windows(200), {"tickets": Windows(80), "contacts": Windows(40)})
        budgets = InProcessBudgets(10, clock=now)
        spender = budgets.join("acme", Lane.BACKFILL)
        end = now() + 60 * 3
        areas = ("tickets", "contacts", "groups")
        tasks = [asyncio.create_task(keep_calling(spender, vendor, until=end, area=area)) for area in areas for _ in range(8)]
        await asyncio.sleep(60 * 3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert vendor.between(end - 120, end) >= 0.97 * 400
        assert [at for at in vendor.refused if at > end - 120] == []
        assert {bucket.name: bucket.limit for bucket in spender.look().buckets} == {"account": 200, "tickets:80": 80, "contacts:40": 40}

    played(play)


def test_an_hourly_quota_is_found_out() -> None:
    async def play() -> None:
        vendor = Vendor(Windows(300, period=3600))
        spender = InProcessBudgets(10, clock=now).join("acme", Lane.BACKFILL)
        began = now()
        tasks = [asyncio.create_task(keep_calling(spender, vendor, until=began + 4 * 3600)) for _ in range(10)]
        await asyncio.sleep(4 * 3600)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert vendor.between(began + 3600, began + 4 * 3600) >= 0.97 * 900
        assert [at for at in vendor.refused if at > began + 3600] == []

    played(play)


def test_a_quota_that_grows_is_used_at_once() -> None:
    async def play() -> None:
        counter = Windows(100)
        day = Day(counter)
        await asyncio.sleep(120)
        counter.limit = 300
        await day.over()
        assert day.of_minute(MINUTES - 1) >= 0.97 * 300
        assert day.refused() == []

    played(play)


def test_waiting_is_told_and_counted() -> None:
    async def play() -> None:
        day = Day(Windows(200))
        spender = day.budgets.join("acme", Lane.INCREMENTAL)
        await asyncio.sleep(59)
        waiting = [asyncio.create_task(call(spender, day.vendor, cost=50)) for _ in range(2)]
        await asyncio.sleep(0.2)
        view = spender.look()
        assert view.waiting_for == "account"
        assert 0 < view.waiting_seconds <= 1.5
        await asyncio.gather(*waiting)
        assert spender.look().waiting_for == ""
        assert 0.3 <= spender.look().waited_seconds <= 5
        await day.over()

    played(play)


def test_where_nothing_limits_many_are_read_in_the_time_of_one() -> None:
    async def play() -> None:
        # A twentieth of a second a call: twenty a second one after the other.
        vendor = Vendor(Windows(1_000_000), latency=(0.025, 0.025))
        spender = InProcessBudgets(24, 0.1, clock=now).join("acme", Lane.BACKFILL)
        began = now()
        tasks = [asyncio.create_task(keep_calling(spender, vendor, until=began + 10)) for _ in range(64)]
        await asyncio.sleep(10)
        assert vendor.between(began, began + 10) >= 20 * 20 * 10
        assert vendor.most == 24
        await asyncio.gather(*tasks)

    played(play)

"""What every registry of work under way must do: joined by key, ended at the close, its failure told to who comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.core.errors import AppError, Code
from backend.storage.inprocess.flights import InProcessFlights
from backend.storage.redis.flights import RedisFlights
from tests.servers.redis import own_server

Make = Callable[..., InProcessFlights | RedisFlights]


@pytest.fixture(params=("inprocess", "redis"))
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    made: list[InProcessFlights | RedisFlights] = []

    def new(**options: Any) -> InProcessFlights | RedisFlights:
        if request.param == "inprocess":
            made.append(InProcessFlights(**options))
        else:
            made.append(RedisFlights(request.getfixturevalue("redis_url"), InProcessFlights(), **options))
        return made[-1]

    yield new
    for flights in made:
        await flights.close()


class Work:
    """Counts how often it was begun, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        await self.gate.wait()
        return "done"


async def test_who_wants_the_same_joins_and_another_tenant_does_not(make: Make) -> None:
    flights, work, other = make(), Work(), Work()
    assert await flights.join("acme", "ticket/1", work, 0, kind=str) is None
    assert await flights.join("acme", "ticket/1", work, 0, kind=str) is None
    assert await flights.join("bravo", "ticket/1", other, 0, kind=str) is None
    assert (work.begun, other.begun) == (1, 1)
    work.gate.set()
    assert await flights.join("acme", "ticket/1", work, 10, kind=str) == "done"
    assert await flights.join("bravo", "ticket/1", other, 0, kind=str) is None
    assert await flights.join("acme", "ticket/1", work, 10, kind=str) == "done"
    assert work.begun == 2
    await flights.close()


async def test_a_failure_waits_for_who_comes_back(make: Make) -> None:
    gate = asyncio.Event()

    async def fail() -> str:
        await gate.wait()
        raise AppError(Code.TICKET_NOT_FOUND)

    flights = make()
    assert await flights.join("acme", "ticket/1", fail, 0, kind=str) is None
    gate.set()
    await asyncio.sleep(0.1)
    with pytest.raises(AppError):
        await flights.join("acme", "ticket/1", fail, 0, kind=str)
    await flights.close()


async def test_results_nobody_came_back_for_are_let_go(make: Make) -> None:
    flights, work = make(result_seconds=0), Work()
    assert await flights.join("acme", "ticket/1", work, 0, kind=str) is None
    work.gate.set()
    await asyncio.sleep(0.1)
    assert await flights.join("acme", "ticket/1", work, 10, kind=str) == "done"
    assert work.begun == 2


async def test_who_goes_away_does_not_take_the_work_along(make: Make) -> None:
    flights, work = make(), Work()
    waiting = asyncio.ensure_future(flights.join("acme", "ticket/1", work, 10, kind=str))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    work.gate.set()
    assert await flights.join("acme", "ticket/1", work, 10, kind=str) == "done"
    assert work.begun == 1


async def test_the_end_of_the_program_ends_it(make: Make) -> None:
    flights, work = make(), Work()
    assert await flights.join("acme", "ticket/1", work, 0, kind=str) is None
    await flights.close()
    flights = make()
    work.gate.set()
    assert await flights.join("acme", "ticket/1", work, 10, kind=str) == "done"
    assert work.begun == 2


async def test_processes_join_each_others_work(redis_url: str) -> None:
    one, two = RedisFlights(redis_url, InProcessFlights()), RedisFlights(redis_url, InProcessFlights())
    work, other = Work(), Work()
    assert await one.join("acme", "ticket/1", work, 0, kind=str) is None
    waiting = [asyncio.ensure_future(two.join("acme", "ticket/1", other, 20, kind=str)) for _ in range(3)]
    assert await two.join("bravo", "ticket/1", other, 0, kind=str) is None, "another tenant's is another one"
    work.gate.set()
    assert await asyncio.gather(*waiting) == ["done"] * 3
    assert (work.begun, other.begun) == (1, 1)
    for flights in (one, two):
        await flights.close()


async def test_work_of_a_process_that_died_is_begun_anew(redis_url: str) -> None:
    alive, again = RedisFlights(redis_url, InProcessFlights()), Work()
    client = Redis.from_url(redis_url)
    await client.set("desklore:acme:flight:ticket/1", "the token of a process that was killed", px=200)
    await client.aclose()
    again.gate.set()
    assert await alive.join("acme", "ticket/1", again, 20, kind=str) == "done"
    await alive.close()


async def test_while_redis_is_away_work_is_joined_in_this_process() -> None:
    with own_server() as server:
        flights, work = RedisFlights(server.url(), InProcessFlights()), Work()
        server.kill()
        assert await flights.join("acme", "ticket/1", work, 0, kind=str) is None
        work.gate.set()
        assert await flights.join("acme", "ticket/1", work, 10, kind=str) == "done"
        assert work.begun == 1
        await flights.close()

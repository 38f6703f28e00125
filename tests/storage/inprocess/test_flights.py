"""Work that outlasts a request: joined by key, ended at the close, its failure told to who comes back."""

import asyncio

import pytest

from backend.core.errors import AppError, Code
from backend.storage.inprocess.flights import InProcessFlights


class Work:
    """Counts how often it was begun, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        await self.gate.wait()
        return "done"


async def test_who_wants_the_same_joins_and_another_tenant_does_not() -> None:
    flights, work, other = InProcessFlights(), Work(), Work()
    assert await flights.join("acme", "ticket/1", work, 0) is None
    assert await flights.join("acme", "ticket/1", work, 0) is None
    assert await flights.join("bravo", "ticket/1", other, 0) is None
    assert (work.begun, other.begun) == (1, 1)
    work.gate.set()
    assert await flights.join("acme", "ticket/1", work, 10) == "done"
    assert await flights.join("bravo", "ticket/1", other, 0) is None
    assert await flights.join("acme", "ticket/1", work, 10) == "done"
    assert work.begun == 2
    await flights.close()


async def test_a_failure_waits_for_who_comes_back() -> None:
    gate = asyncio.Event()

    async def fail() -> str:
        await gate.wait()
        raise AppError(Code.TICKET_NOT_FOUND)

    flights = InProcessFlights()
    assert await flights.join("acme", "ticket/1", fail, 0) is None
    gate.set()
    await asyncio.sleep(0.01)
    with pytest.raises(AppError):
        await flights.join("acme", "ticket/1", fail, 0)
    await flights.close()


async def test_results_nobody_came_back_for_are_let_go() -> None:
    flights, work = InProcessFlights(result_seconds=0), Work()
    assert await flights.join("acme", "ticket/1", work, 0) is None
    work.gate.set()
    await asyncio.sleep(0.02)
    assert await flights.join("acme", "ticket/1", work, 10) == "done"
    assert work.begun == 2


async def test_who_goes_away_does_not_take_the_work_along() -> None:
    flights, work = InProcessFlights(), Work()
    waiting = asyncio.ensure_future(flights.join("acme", "ticket/1", work, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    work.gate.set()
    assert await flights.join("acme", "ticket/1", work, 10) == "done"
    assert work.begun == 1


async def test_the_end_of_the_program_ends_it() -> None:
    flights, work = InProcessFlights(), Work()
    assert await flights.join("acme", "ticket/1", work, 0) is None
    await flights.close()
    work.gate.set()
    assert await flights.join("acme", "ticket/1", work, 10) == "done"
    assert work.begun == 2

"""Runs without a sign of life, with a clock that the test moves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import time_machine

from backend.core import clock
from backend.core.model.sync import RunOptions, RunState
from backend.core.model.tenant import Role, Secret
from backend.core.usecases import connections, stalled, sync
from backend.storage.inprocess.queue import InProcessQueue
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import House
from tests.core.usecases.conftest import CallerOf

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


async def running(house: House, caller: CallerOf, company_id: str) -> str:
    """A run that was begun just now."""
    wanted = connections.ConnectionInput(platform="paper", domain="acme.example", credentials={"api_key": Secret(GOOD_KEY)})
    made = await connections.connect(house.services, company_id, wanted, caller=caller(Role.ADMIN, company_id))
    run = await sync.start_run(house.services, company_id, made.connection_id, RunOptions(), caller=caller(Role.ADMIN, company_id))
    async with house.services.database.open(company_id, write=True) as uow:
        await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.RUNNING, heartbeat_at=clock.now()))
    return run.run_id


async def test_a_stalled_run_is_taken_up_again_and_fails_in_the_end(house: House, caller: CallerOf, travel: time_machine.Traveller) -> None:
    run_id = await running(house, caller, "acme")
    travel.shift(timedelta(minutes=9))
    assert await stalled.take_up_stalled(replace(house.services, queue=InProcessQueue(1))) == 0
    await running(house, caller, "bravo")
    travel.shift(timedelta(minutes=2))
    for number in range(1, stalled.MAX_STALLS + 1):
        # A queue that knows nothing of the run, as after the end of the process that had it.
        fresh = replace(house.services, queue=InProcessQueue(1))
        assert await stalled.take_up_stalled(fresh) == 1, "the other tenant's run is alive"
        assert await fresh.queue.depth() == (1, 0)
        run = await sync.get_run(house.services, "acme", run_id)
        assert (run.state, run.stalls, run.heartbeat_at) == (RunState.RUNNING, number, clock.now())
        async with house.services.database.open("bravo", write=True) as uow:
            [alive], _ = await uow.sync.list_runs()
            await uow.sync.put_run(msgspec.structs.replace(alive, heartbeat_at=clock.now() + timedelta(minutes=11)))
        travel.shift(timedelta(minutes=11))
    assert await stalled.take_up_stalled(replace(house.services, queue=InProcessQueue(1))) == 1
    run = await sync.get_run(house.services, "acme", run_id)
    assert (run.state, run.error_code) == (RunState.FAILED, "run_stalled")
    assert "no sign of life for 10 minutes" in run.error_message
    assert f"desklore sync {run.connection_id}" in run.error_message


async def test_a_run_that_waits_for_its_turn_is_not_stalled(house: House, caller: CallerOf, travel: time_machine.Traveller) -> None:
    run_id = await running(house, caller, "acme")
    travel.shift(timedelta(hours=1))
    # Its job has been in this queue since the run was started, and nothing runs jobs here.
    assert await stalled.take_up_stalled(house.services) == 0
    assert (await sync.get_run(house.services, "acme", run_id)).stalls == 0

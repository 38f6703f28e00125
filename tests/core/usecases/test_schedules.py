"""The scheduler over real parts with a clock that the test moves: two tenants, two schedulers, long nights."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import time_machine

from backend.core import clock
from backend.core.errors import AppError
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.schedule import Due, Schedule
from backend.core.model.sync import Run, RunMode, RunOptions, RunState
from backend.core.model.tenant import Role, Secret
from backend.core.ports.services import Services
from backend.core.usecases import connections, schedules, sync
from backend.storage.inprocess.queue import InProcessQueue
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import House
from tests.core.usecases.conftest import CallerOf

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self, travel: Any) -> None:
        self._travel = travel

    def to(self, moment: datetime | None) -> None:
        assert moment is not None
        self._travel.move_to(moment)

    def on(self, **by: float) -> None:
        self._travel.move_to(clock.now() + timedelta(**by))


@pytest.fixture
def hands() -> Any:
    with time_machine.travel(START, tick=False) as travel:
        yield Clock(travel)


async def connect(house: House, caller: CallerOf, company_id: str = "acme", platform: str = "paper") -> str:
    """A connection that was synced once."""
    wanted = connections.ConnectionInput(platform=platform, domain="acme.example", credentials={"api_key": Secret(GOOD_KEY)})
    made = await connections.connect(house.services, company_id, wanted, caller=caller(Role.ADMIN, company_id))
    assert made.next_run_at is None, "the first sync is asked for"
    await sync.start_run(house.services, company_id, made.connection_id, RunOptions(), "test")
    await end_runs(house.services, company_id)
    return made.connection_id


async def end_runs(services: Services, company_id: str) -> None:
    """What is under way has completed."""
    async with services.database.open(company_id, write=True) as uow:
        for run in await uow.sync.list_runs(limit=200):
            if run.state in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING):
                await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.COMPLETED, finished_at=clock.now()))


async def found(house: House, connection_id: str, company_id: str = "acme") -> Connection:
    return await connections.get_connection(house.services, company_id, connection_id)


async def change(house: House, connection_id: str, **changes: Any) -> None:
    async with house.services.database.open("acme", write=True) as uow:
        connection = await uow.connections.get(connection_id)
        assert connection is not None
        await uow.connections.put(msgspec.structs.replace(connection, **changes))


def policy(house: House, **changes: Any) -> Services:
    return replace(house.services, policy=replace(house.services.policy, **changes))


async def test_it_begins_with_the_first_sync_and_comes_again_and_again(house: House, caller: CallerOf, hands: Clock) -> None:
    connection_id = await connect(house, caller)
    first = (await found(house, connection_id)).next_run_at
    assert first is not None
    assert QUARTER / 2 <= first - START <= QUARTER * 1.5
    hands.to(first - timedelta(seconds=1))
    assert await schedules.start_due(house.services) == []
    hands.to(first)
    for number in range(4):
        [run] = await schedules.start_due(house.services)
        assert (run.connection_id, run.scheduled, run.options.mode) == (connection_id, True, RunMode.INCREMENTAL)
        assert await schedules.start_due(house.services) == []
        await end_runs(house.services, "acme")
        following = (await found(house, connection_id)).next_run_at
        assert following == first + (number + 1) * QUARTER
        hands.to(following)


async def test_overdue_after_downtime_runs_once(house: House, caller: CallerOf, hands: Clock) -> None:
    connection_id = await connect(house, caller)
    hands.on(days=3)
    assert len(await schedules.start_due(house.services)) == 1
    await end_runs(house.services, "acme")
    hands.on(minutes=5)
    assert await schedules.start_due(house.services) == []
    upcoming = (await found(house, connection_id)).next_run_at
    assert upcoming is not None
    assert upcoming > clock.now()


async def test_sync_now_does_not_disturb_the_schedule(house: House, caller: CallerOf, hands: Clock) -> None:
    connection_id = await connect(house, caller)
    planned = (await found(house, connection_id)).next_run_at
    hands.on(minutes=2)
    await sync.start_run(house.services, "acme", connection_id, RunOptions(), "test")
    assert (await found(house, connection_id)).next_run_at == planned
    hands.to(planned)
    assert await schedules.start_due(house.services) == [], "one run a connection: this one is left out"
    await end_runs(house.services, "acme")
    assert planned is not None
    assert (await found(house, connection_id)).next_run_at == planned + QUARTER


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.BROKEN])
async def test_what_is_paused_or_broken_waits_and_goes_on_afterwards(
    house: House, caller: CallerOf, hands: Clock, state: ConnectionState
) -> None:
    connection_id = await connect(house, caller)
    await change(house, connection_id, state=state)
    hands.on(hours=5)
    assert await schedules.start_due(house.services) == []
    back = connections.ConnectionChange(state=ConnectionState.ACTIVE)
    await connections.change_connection(house.services, "acme", connection_id, back, caller=caller(Role.ADMIN))
    assert len(await schedules.start_due(house.services)) == 1


async def test_a_schedule_is_changed_turned_off_and_on(house: House, caller: CallerOf, hands: Clock) -> None:
    connection_id = await connect(house, caller)
    admin = caller(Role.ADMIN)
    nightly = Schedule(cron="0 3 * * *", timezone="Asia/Seoul")
    told = await schedules.set_schedule(house.services, "acme", connection_id, nightly, caller=admin)
    at = told.connection.next_run_at
    assert at is not None
    assert timedelta(0) <= at - datetime(2026, 11, 21, 18, tzinfo=UTC) < timedelta(minutes=2)
    assert told.last_run is not None
    off = await schedules.set_schedule(house.services, "acme", connection_id, Schedule(), caller=admin)
    assert off.connection.next_run_at is None
    hands.on(days=30)
    assert await schedules.start_due(house.services) == []
    await sync.start_run(house.services, "acme", connection_id, RunOptions(), "test")
    assert (await found(house, connection_id)).next_run_at is None, "off is off"
    on = await schedules.set_schedule(house.services, "acme", connection_id, nightly, caller=admin)
    assert on.connection.next_run_at is not None
    async with house.services.database.open("acme") as uow:
        entries = [entry for entry in await uow.audit.list() if entry.action == "connection.schedule"]
    assert [entry.details.get("enabled") for entry in entries] == ["true", "false", "true"]
    assert entries[0].details["timezone"] == "Asia/Seoul"
    with pytest.raises(AppError, match="between 300 seconds"):
        await schedules.set_schedule(house.services, "acme", connection_id, Schedule(every_seconds=5), caller=admin)


async def test_an_operator_may_slow_everybody_down(house: House, caller: CallerOf, hands: Clock) -> None:
    connection_id = await connect(house, caller)
    hands.on(hours=1)
    assert len(await schedules.start_due(policy(house, schedule_min_seconds=3_600))) == 1
    following = (await found(house, connection_id)).next_run_at
    assert following is not None
    assert following - clock.now() >= timedelta(minutes=29)


async def test_complete_now_and_then(house: House, caller: CallerOf, hands: Clock) -> None:
    connection_id = await connect(house, caller)

    async def next_mode(services: Services = house.services) -> RunMode:
        hands.to((await found(house, connection_id)).next_run_at)
        [run] = await schedules.start_due(services)
        await end_runs(house.services, "acme")
        return run.options.mode

    assert await next_mode() is RunMode.INCREMENTAL
    hands.on(days=8)
    await schedules.start_due(policy(house, reconcile_days=0))
    await end_runs(house.services, "acme")
    assert await next_mode(policy(house, reconcile_days=0)) is RunMode.INCREMENTAL, "never"
    assert await next_mode() is RunMode.FULL
    assert await next_mode() is RunMode.INCREMENTAL, "one that did not get through is not tried again at once"
    await change(house, connection_id, reconciled_at=clock.now())
    hands.on(days=2)
    await schedules.start_due(house.services)
    await end_runs(house.services, "acme")
    assert await next_mode() is RunMode.INCREMENTAL


async def test_two_schedulers_on_one_file_start_one_run(house: House, caller: CallerOf, hands: Clock) -> None:
    for company_id in ("acme", "bravo"):
        await connect(house, caller, company_id)
    queue = InProcessQueue(1)
    other = SqlDatabase(f"sqlite+aiosqlite:///{house.data_dir / 'desklore.sqlite'}", queue.enqueue)
    try:
        twin = replace(house.services, database=other, queue=queue)
        for _ in range(5):
            hands.on(hours=1)
            started = await asyncio.gather(*(schedules.start_due(each) for each in (house.services, twin) * 3))
            assert len([run for runs in started for run in runs]) == 2
            for company_id in ("acme", "bravo"):
                assert len([run for run in await sync.list_runs(twin, company_id, None, 50) if run.state is RunState.QUEUED]) == 1
                await end_runs(house.services, company_id)
    finally:
        await other.close()


async def test_only_so_many_at_once_and_the_rest_wait_for_their_turn(house: House, caller: CallerOf, hands: Clock) -> None:
    for company_id in ("acme", "bravo"):
        for platform in ("paper", "freshdesk"):
            await connect(house, caller, company_id, platform)
    hands.on(hours=1)
    narrow = policy(house, max_runs=2)
    first = await schedules.start_due(narrow)
    companies = [company_id for company_id, _ in await active(house)]
    assert (len(first), companies) == (2, ["acme", "bravo"]), "one of each before the second of one"
    assert await schedules.start_due(narrow) == []
    for company_id in ("acme", "bravo"):
        await end_runs(house.services, company_id)
    second = await schedules.start_due(narrow)
    assert len({run.connection_id for run in (*first, *second)}) == 4


async def test_complete_runs_leave_places_for_small_ones(house: House, caller: CallerOf, hands: Clock) -> None:
    for company_id in ("acme", "bravo"):
        await connect(house, caller, company_id)
    hands.on(days=30)
    modes = sorted(run.options.mode for run in await schedules.start_due(policy(house, max_runs=2)))
    assert modes == [RunMode.FULL, RunMode.INCREMENTAL]


def test_tenants_take_turns() -> None:
    due = [Due(company_id="giant", connection_id=f"g{n}", at=START + timedelta(seconds=n)) for n in range(3)]
    due += [Due(company_id="small", connection_id="s1", at=START + timedelta(seconds=9))]
    assert [each.connection_id for each in schedules.in_turn(due)] == ["g0", "s1", "g1", "g2"]


async def active(house: House) -> list[tuple[str, Run]]:
    async with house.services.database.directory() as directory:
        return await directory.active_runs()


async def running(house: House, caller: CallerOf) -> str:
    """A run that was begun by a process that is gone."""
    connection_id = await connect(house, caller)
    run = await sync.start_run(house.services, "acme", connection_id, RunOptions(), "test")
    async with house.services.database.open("acme", write=True) as uow:
        await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.RUNNING, heartbeat_at=clock.now()))
    return run.run_id


async def test_a_stalled_run_is_taken_up_again_and_fails_in_the_end(house: House, caller: CallerOf, hands: Clock) -> None:
    run_id = await running(house, caller)
    twin = replace(house.services, queue=InProcessQueue(1))
    hands.on(minutes=9)
    assert await schedules.take_up_stalled(twin) == 0
    for number in range(1, schedules.MAX_STALLS + 1):
        hands.on(minutes=11)
        twin = replace(house.services, queue=InProcessQueue(1))
        assert await schedules.take_up_stalled(twin) == 1
        assert await twin.queue.depth() == (1, 0)
        run = await sync.get_run(house.services, "acme", run_id)
        assert (run.state, run.stalls, run.heartbeat_at) == (RunState.RUNNING, number, clock.now())
    hands.on(minutes=11)
    assert await schedules.take_up_stalled(replace(house.services, queue=InProcessQueue(1))) == 1
    run = await sync.get_run(house.services, "acme", run_id)
    assert (run.state, run.error_code) == (RunState.FAILED, "run_stalled")
    assert "no sign of life for 10 minutes" in run.error_message
    assert f"desklore sync {run.connection_id}" in run.error_message
    assert await active(house) == []


async def test_a_run_that_waits_for_its_turn_is_not_stalled(house: House, caller: CallerOf, hands: Clock) -> None:
    run_id = await running(house, caller)
    hands.on(hours=1)
    # Its job has been in this queue since the run was started, and nothing runs jobs here.
    assert await schedules.take_up_stalled(house.services) == 0
    assert (await sync.get_run(house.services, "acme", run_id)).stalls == 0

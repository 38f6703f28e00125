"""Syncs by the clock: once when due, one at a time, tenants in turn, and everything now and then."""

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from backend.core import clock
from backend.core.model.sync import RunMode, RunState
from backend.core.usecases.schedule import in_turn, start_due
from backend.storage.sql.unit_of_work import SqlDatabase
from sandbox.freshdesk import change
from sandbox.serve import SandboxServer
from tests.e2e.trip import Tenant, Trip, running_trip


async def make_due(trip: Trip, tenant: Tenant, **changes: object) -> None:
    """Let the connection's time have come an hour ago."""
    async with trip.runtime.services.database.open(tenant.company_id, write=True) as uow:
        connection = await uow.connections.get(tenant.connection_id)
        assert connection is not None
        await uow.connections.put(msgspec.structs.replace(connection, next_run_at=clock.now() - timedelta(hours=1), **changes))


async def test_a_changed_ticket_is_taken_by_itself(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    number = next(ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live")
    change.update(sandbox.site, number, {"subject": "바뀐 제목"})
    set_to = await acme.client.put(f"/api/v1/connections/{acme.connection_id}/schedule", json={"every_minutes": 5})
    assert set_to.is_success, set_to.text
    await make_due(trip, acme)
    # The runtime's own clock ticks every five seconds; whoever comes first starts it.
    await start_due(trip.runtime.services)
    async with asyncio.timeout(30):
        while True:
            runs = (await acme.get("/runs"))["items"]
            if len(runs) == 2 and runs[0]["state"] == "completed":
                break
            await asyncio.sleep(0.05)
    assert runs[0]["counts"]["stored"] == 1
    found = (await acme.get("/documents", search="바뀐 제목"))["items"]
    assert [document["original_id"] for document in found] == [str(number)]
    connection = await acme.get(f"/connections/{acme.connection_id}")
    assert connection["schedule"] == {"every_seconds": 300, "cron": None, "timezone": "UTC"}
    assert connection["next_run_at"] > clock.now().isoformat()
    assert "desklore_scheduled_runs_total" in trip.runtime.built.meter.render()[0].decode()


@pytest.mark.parametrize("often", [{"every_minutes": 1}, {"every_minutes": 0.05}, {"cron": "* * * * *", "timezone": "Asia/Seoul"}])
async def test_more_often_than_every_five_minutes_is_refused_and_changes_nothing(acme: Tenant, often: dict[str, object]) -> None:
    before = await acme.get(f"/connections/{acme.connection_id}")
    refused = await acme.client.put(f"/api/v1/connections/{acme.connection_id}/schedule", json=often)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request"), refused.text
    assert "5 minutes" in refused.json()["error"]["message"]
    assert "webhook" in refused.json()["error"]["message"]
    assert await acme.get(f"/connections/{acme.connection_id}") == before


async def test_what_was_missed_is_run_once_and_two_clocks_start_one_run(trip: Trip, acme: Tenant) -> None:
    await acme.sync()
    await make_due(trip, acme)
    started = await asyncio.gather(*(start_due(trip.runtime.services) for _ in range(5)))
    assert sum(map(len, started)) <= 1
    runs = await asyncio.gather(*(start_due(trip.runtime.services) for _ in range(5)))
    assert not any(runs), "its next turn is a quarter of an hour away"


async def test_a_run_under_way_is_not_doubled_and_a_pause_is_kept(trip: Trip, acme: Tenant) -> None:
    services = trip.runtime.services
    set_to = await acme.client.put(f"/api/v1/connections/{acme.connection_id}/schedule", json={"every_minutes": 1440})
    assert set_to.is_success, set_to.text
    run = await acme.post("/ingest", {"connection_id": acme.connection_id})
    await make_due(trip, acme)
    assert await start_due(services) == []
    await acme.wait(run["run_id"])
    path = f"/api/v1/connections/{acme.connection_id}"
    assert (await acme.client.patch(path, json={"state": "paused"})).json()["next_run_at"] is None
    await make_due(trip, acme)
    assert await start_due(services) == []
    assert (await acme.get(f"/connections/{acme.connection_id}"))["next_run_at"] is None
    assert (await acme.client.patch(path, json={"state": "active"})).json()["next_run_at"]
    assert (await acme.client.delete(f"{path}/schedule")).json()["next_run_at"] is None


async def test_everything_is_listed_now_and_then(trip: Trip, acme: Tenant) -> None:
    services = trip.runtime.services
    await acme.sync()
    long_ago = clock.now() - timedelta(days=8)
    await make_due(trip, acme, created_at=long_ago)
    await asyncio.sleep(0)
    await start_due(services)
    async with services.database.open("acme") as uow:
        (newest, *_), _ = await uow.sync.list_runs()
    assert newest.options.mode is RunMode.FULL
    await acme.wait(newest.run_id)
    await make_due(trip, acme)
    await start_due(services)
    async with services.database.open("acme") as uow:
        (newest, *_), _ = await uow.sync.list_runs()
    assert newest.options.mode is RunMode.INCREMENTAL
    # One that did not get through is not tried again at once, or nothing else would be read.
    await acme.wait(newest.run_id)
    await make_due(trip, acme, created_at=long_ago, reconciled_at=None)
    await start_due(services)
    async with services.database.open("acme") as uow:
        (newest, *_), _ = await uow.sync.list_runs()
    assert newest.options.mode is RunMode.INCREMENTAL


async def test_only_so_many_runs_at_once_and_tenants_in_turn(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data", scheduled_runs=2) as trip:
        await trip.runtime.services.queue.stop()
        for name in ("acme", "globex", "initech"):
            tenant = await trip.onboard(name)
            await tenant.connect(sandbox)
            await make_due(trip, tenant)
        first = await start_due(trip.runtime.services)
        assert len(first) <= 2
        async with trip.runtime.services.database.directory() as directory:
            assert await directory.scheduled_runs() == 2
        assert await start_due(trip.runtime.services) == []
    big = [("big", f"c{number}") for number in range(3)]
    assert in_turn([*big, ("small", "c9")]) == [("big", "c0"), ("small", "c9"), ("big", "c1"), ("big", "c2")]


async def test_runs_that_wait_for_a_helpdesk_that_is_down_hold_nobody_elses_up(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data", scheduled_runs=1) as trip:
        services = trip.runtime.services
        await services.queue.stop()
        for name in ("acme", "globex"):
            tenant = await trip.onboard(name)
            await tenant.connect(sandbox)
            await make_due(trip, tenant)
            # The runtime's own clock may have been quicker.
            await start_due(services)
            async with services.database.open(name, write=True) as uow:
                (run,), _ = await uow.sync.list_runs()
                assert (run.state, run.scheduled) == (RunState.QUEUED, True), name
                await uow.sync.put_run(msgspec.structs.replace(run, state=RunState.WAITING, resume_at=clock.now() + timedelta(minutes=10)))


async def test_runs_that_people_ask_for_and_those_of_the_clock_do_not_hold_each_other_up(tmp_path: Path, sandbox: SandboxServer) -> None:
    async with running_trip(tmp_path / "data", scheduled_runs=1) as trip:
        services = trip.runtime.services
        await services.queue.stop()
        for name in ("acme", "globex"):
            tenant = await trip.onboard(name)
            await tenant.connect(sandbox)
            await tenant.post("/ingest", {"connection_id": tenant.connection_id})
        initech = await trip.onboard("initech")
        await initech.connect(sandbox)
        await make_due(trip, initech)
        # The runtime's own clock may have been quicker.
        await start_due(services)
        async with services.database.open("initech") as uow:
            runs, _ = await uow.sync.list_runs()
        assert [(run.state, run.scheduled) for run in runs] == [(RunState.QUEUED, True)]
        hooli = await trip.onboard("hooli")
        await hooli.connect(sandbox)
        await make_due(trip, hooli)
        assert await start_due(services) == [], "the one place of the clock is taken"
        asked = await hooli.post("/ingest", {"connection_id": hooli.connection_id})
        assert asked["state"] == "queued"


async def test_two_machines_on_one_store_start_one_run(trip: Trip, acme: Tenant) -> None:
    services = trip.runtime.services
    await trip.runtime.services.queue.stop()
    await make_due(trip, acme)
    assert isinstance(services.database, SqlDatabase)
    await asyncio.gather(start_due(services), start_due(services))
    async with services.database.open("acme") as uow:
        runs, _ = await uow.sync.list_runs()
    assert [run.state for run in runs] == [RunState.QUEUED]

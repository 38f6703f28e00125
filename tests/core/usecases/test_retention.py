"""Runs of long ago are forgotten: every tenant's own, and none where the policy wants them all."""

from dataclasses import replace
from datetime import timedelta

import msgspec

from backend.core import clock
from backend.core.model.retention import Retention
from backend.core.model.sync import RunState
from backend.core.usecases.retention import KEPT, forget_old_runs
from tests.api.house import House
from tests.contract.records import connection, run


async def test_every_tenant_keeps_its_latest_and_its_young_runs(house: House) -> None:
    now = clock.now()
    for company, count in (("acme", KEPT + 5), ("bravo", 3)):
        async with house.services.database.open(company, write=True) as uow:
            await uow.connections.put(msgspec.structs.replace(connection(), connection_id="conn_1"))
            for number in range(count):
                made = now - timedelta(days=100 + number)
                await uow.sync.put_run(run(f"run_{number:02}", RunState.COMPLETED, connection_id="conn_1", created_at=made))
    kept_all = replace(house.services, policy=replace(house.services.policy, retention=Retention(run_days=0)))
    assert await forget_old_runs(kept_all) == 0
    longer = replace(house.services, policy=replace(house.services.policy, retention=Retention(run_days=200)))
    assert await forget_old_runs(longer) == 0
    assert await forget_old_runs(house.services) == 5
    assert await forget_old_runs(house.services) == 0
    for company, count in (("acme", KEPT), ("bravo", 3)):
        async with house.services.database.open(company) as uow:
            left, _ = await uow.sync.list_runs(limit=100)
        assert [each.run_id for each in left] == [f"run_{number:02}" for number in range(count)], company

"""Whoever opens a Source says in which lane of the account's budget its calls go."""

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection
from backend.core.model.quota import Lane
from backend.core.model.sync import RunMode, RunOptions
from backend.core.model.tenant import Role, Secret
from backend.core.usecases import brief, connections, sync
from tests.api.helpdesk import GOOD_KEY
from tests.api.house import House
from tests.core.usecases.conftest import CallerOf


async def _connect(house: House, caller: CallerOf) -> Connection:
    wanted = connections.ConnectionInput(platform="paper", domain="acme.example", credentials={"api_key": Secret(GOOD_KEY)})
    return await connections.connect(house.services, "acme", wanted, caller=caller(Role.ADMIN))


async def test_a_check_of_credentials_is_for_somebody_who_waits(house: House, caller: CallerOf) -> None:
    await _connect(house, caller)
    assert house.helpdesks.opened[-1].lane is Lane.LIVE


async def test_a_ticket_that_is_opened_is_for_somebody_who_waits(house: House, caller: CallerOf) -> None:
    await _connect(house, caller)
    before = len(house.helpdesks.opened)
    with pytest.raises(AppError) as caught:
        await brief.open_brief(house.services, "acme", caller(Role.AGENT), "987654", platform="paper", top_k=3)
    assert caught.value.code is Code.TICKET_NOT_FOUND
    assert [source.lane for source in house.helpdesks.opened[before:]] == [Lane.LIVE]


async def test_the_first_run_and_full_ones_are_backfills_and_all_others_are_not(house: House, caller: CallerOf) -> None:
    connection = await _connect(house, caller)
    lanes = []
    for mode in (RunMode.INCREMENTAL, RunMode.INCREMENTAL, RunMode.FULL, RunMode.INCREMENTAL):
        run = await sync.start_run(house.services, "acme", connection.connection_id, RunOptions(mode=mode), caller=caller(Role.ADMIN))
        before = len(house.helpdesks.opened)
        await sync.run_sync(house.services, "acme", run.run_id)
        lanes += [source.lane for source in house.helpdesks.opened[before:]]
        await sync.cancel_run(house.services, "acme", run.run_id, caller=caller(Role.ADMIN))
    assert lanes == [Lane.BACKFILL, Lane.INCREMENTAL, Lane.BACKFILL, Lane.INCREMENTAL]

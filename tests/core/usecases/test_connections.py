"""Connecting and letting go of helpdesks."""

import asyncio

import msgspec
import pytest

from backend.core.errors import AppError, Code
from backend.core.model.connection import Connection, ConnectionState
from backend.core.model.document import DocState
from backend.core.model.sync import Run, RunCounts, RunOptions, RunState
from backend.core.model.tenant import Role, Secret
from backend.core.usecases import connections
from tests.api.helpdesk import BAD_KEY, GOOD_KEY, OTHER_GOOD_KEY, SLOW_KEY
from tests.api.house import NOW, House, fill_index, ticket_id
from tests.core.usecases.conftest import CallerOf


def _wanted(key: str = GOOD_KEY) -> connections.ConnectionInput:
    return connections.ConnectionInput(platform="paper", domain="acme.example", credentials={"api_key": Secret(key)})


async def _keep(house: House, connection: Connection) -> None:
    async with house.services.database.open("acme") as uow:
        await uow.connections.put(connection)


async def test_a_helpdesk_that_does_not_answer_is_told_in_time(house: House) -> None:
    with pytest.raises(AppError) as refused:
        await connections.check_connection(house.services, "acme", _wanted(SLOW_KEY), seconds=0.01)
    assert refused.value.code is Code.SOURCE_UNAVAILABLE
    assert house.helpdesks.opened[-1].closed


async def test_two_admins_at_once_make_one_connection(house: House, caller: CallerOf) -> None:
    made = await asyncio.gather(
        *(connections.connect(house.services, "acme", _wanted(), caller=caller(Role.ADMIN)) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, Connection) for each in made) == 1
    assert len(await connections.list_connections(house.services, "acme")) == 1


async def test_a_broken_connection_is_verified_before_it_resumes(house: House, caller: CallerOf) -> None:
    connection = await connections.connect(house.services, "acme", _wanted(), caller=caller(Role.ADMIN))
    broken = msgspec.structs.replace(connection, state=ConnectionState.BROKEN, state_reason="rejected")
    await _keep(house, broken)
    admin, path = caller(Role.ADMIN), connection.connection_id
    rotate = connections.ConnectionChange(credentials={"api_key": Secret(BAD_KEY)})
    with pytest.raises(AppError):
        await connections.change_connection(house.services, "acme", path, rotate, caller=admin)
    assert await connections.get_connection(house.services, "acme", path) == broken
    resume = connections.ConnectionChange(state=ConnectionState.ACTIVE)
    resumed = await connections.change_connection(house.services, "acme", path, resume, caller=admin)
    assert (resumed.state, resumed.state_reason) == (ConnectionState.ACTIVE, "")
    assert house.helpdesks.opened[-1].settings.credentials == {"api_key": Secret(GOOD_KEY)}
    await _keep(house, broken)
    rotate = connections.ConnectionChange(credentials={"api_key": Secret(OTHER_GOOD_KEY)})
    assert (await connections.change_connection(house.services, "acme", path, rotate, caller=admin)).state is ConnectionState.ACTIVE
    assert house.helpdesks.opened[-1].settings.credentials == {"api_key": Secret(OTHER_GOOD_KEY)}


async def test_letting_go_takes_everything_along(house: House, caller: CallerOf) -> None:
    await fill_index(house, "acme")
    made = await connections.connect(house.services, "acme", _wanted(), caller=caller(Role.ADMIN))
    await _keep(house, msgspec.structs.replace(made, connection_id="conn_seed", domain="old.example"))
    blobs = house.services.blobs.open("acme")
    await blobs.put("raw/paper/conn_seed/page.jsonl.zst", b"raw")
    run = Run(run_id="run_1", connection_id="conn_seed", state=RunState.RUNNING, options=RunOptions(), counts=RunCounts(), created_at=NOW)
    async with house.services.database.open("acme") as uow:
        await uow.sync.put_run(run)
    gone = await connections.disconnect(house.services, "acme", "conn_seed", keep_documents=False, caller=caller(Role.ADMIN))
    assert (gone.documents, gone.files) == (3, 4)
    assert await blobs.list("") == []
    assert await (await house.services.indexes.open("acme")).count() == (0, 0)
    async with house.services.database.open("acme") as uow:
        assert await uow.documents.list() == ([], None)
        document = await uow.documents.get(ticket_id("acme"))
        assert await uow.attachments.get("paper-f1") is None
        assert await uow.connections.get("conn_seed") is None
    assert document is None or (document.state is DocState.DELETED and not document.parts and document.summary is None)


async def test_documents_can_be_kept(house: House, caller: CallerOf) -> None:
    made = await connections.connect(house.services, "acme", _wanted(), caller=caller(Role.ADMIN))
    await _keep(house, msgspec.structs.replace(made, connection_id="conn_seed", domain="old.example"))
    gone = await connections.disconnect(house.services, "acme", "conn_seed", keep_documents=True, caller=caller(Role.ADMIN))
    assert (gone.documents, gone.files) == (0, 0)
    async with house.services.database.open("acme") as uow:
        assert len((await uow.documents.list())[0]) == 3

"""Onboarding and erasing tenants."""

import asyncio

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.job import processing
from backend.core.model.sync import Run, RunCounts, RunOptions, RunState
from backend.core.usecases import tenants
from backend.workers.runner import handler
from tests.api.house import NOW, OPERATOR, House


async def test_two_onboardings_of_one_id_at_once_make_one_tenant(house: House) -> None:
    made = await asyncio.gather(
        *(tenants.onboard_tenant(house.services, OPERATOR, company_id="daehan", name=str(number)) for number in range(8)),
        return_exceptions=True,
    )
    [winner] = [each for each in made if not isinstance(each, BaseException)]
    assert all(isinstance(each, AppError) and each.code is Code.TENANT_EXISTS for each in made if each is not winner)
    # The data key that was kept is the winner's: with another one its secrets could never be opened again.
    assert await tenants.get_tenant(house.services, "daehan") == winner


async def test_erasing_stops_what_runs(house: House) -> None:
    run = Run(run_id="run_1", connection_id="conn_seed", state=RunState.RUNNING, options=RunOptions(), counts=RunCounts(), created_at=NOW)
    async with house.services.database.open("acme") as uow:
        await uow.sync.put_run(run)
    erased = await tenants.delete_tenant(house.services, OPERATOR, "acme")
    assert (erased.documents, erased.keys, erased.files) == (3, 4, 3)
    async with house.services.database.open("acme") as uow:
        assert await uow.sync.get_run("run_1") is None
    with pytest.raises(AppError) as refused:
        await tenants.delete_tenant(house.services, OPERATOR, "acme")
    assert refused.value.code is Code.TENANT_NOT_FOUND


async def test_a_job_that_outlives_its_tenant_sweeps_behind_itself_and_nobody_else(house: House) -> None:
    run = handler(house.services)
    for company_id in ("acme", "gone-co"):
        await house.services.blobs.open(company_id).put("files/late", b"written behind the deletion")
        await run(processing(company_id))
    assert await house.services.blobs.open("gone-co").list("") == []
    assert "files/late" in await house.services.blobs.open("acme").list("")


async def test_what_a_job_writes_during_the_deletion_is_not_left(house: House) -> None:
    late = house.services.blobs.open("acme")

    async def writes() -> None:
        for _ in range(10):
            await late.put("files/late", b"x")
            await asyncio.sleep(0.005)

    writing = asyncio.create_task(writes())
    erased = await tenants.delete_tenant(house.services, OPERATOR, "acme")
    await writing
    assert erased.left == tenants.Left(rows=0, files=0, points=0)

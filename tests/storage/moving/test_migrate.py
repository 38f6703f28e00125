"""From one database to the other: interrupted, given again, with changes in between, and compared by hash in the end."""

import pytest
from msgspec.structs import replace

from backend.core.clock import now
from backend.core.errors import AppError, Code
from backend.core.model.sync import RunState
from backend.storage.moving.kept_files import CheckedFiles, check_files
from backend.storage.moving.migrate import compare, migrate
from tests.contract.records import audit_entry, doc, run
from tests.storage.moving.conftest import KEY, MANY, Make


class StopHereError(Exception):
    """What an interruption looks like."""


@pytest.mark.parametrize(("source", "target"), [("file", "postgresql"), ("postgresql", "file")])
async def test_interrupted_twice_and_written_to_in_between(make: Make, source: str, target: str) -> None:
    old, new = await make(source), await make(target)
    await old.fill()
    written = 0
    for limit in (120, 180):

        def stop(_what: str, done: int, _total: int, limit: int = limit) -> None:
            if done >= limit:
                raise StopHereError

        with pytest.raises(StopHereError):
            await migrate(old.engines, new.engines, tell=stop)
        there = {(check.company_id, check.table): check.target_rows for check in await compare(old.engines, new.engines)}
        assert there["acme", "documents"] >= written
        written = there["acme", "documents"]
        # The source goes on living: one more, one changed, a run that ended and another one that began.
        async with old.database.open("acme", write=True) as work:
            await work.documents.put([doc(1000 + limit), doc(3, text=f"다시 열렸습니다 {limit}")])
            await work.sync.put_run(run("run_1", state=RunState.COMPLETED))
            active = await work.sync.active_run("conn_1")
            if active is None:
                await work.sync.put_run(run("run_0"))
    assert written > 0
    done = await migrate(old.engines, new.engines)
    assert done.same
    assert {check.table: check.target_rows for check in done.checks if check.company_id == "acme"}["documents"] == MANY - 1 + 2
    again = await migrate(old.engines, new.engines)
    assert (again.written, again.deleted, again.passes) == (0, 0, 1)


async def test_rows_that_are_gone_go_and_null_characters_count_for_nothing(make: Make) -> None:
    old, new = await make("file"), await make("postgresql")
    await old.fill()
    async with old.database.open("other", write=True) as work:
        await work.documents.put([doc(2, company="other", text="끝\0")])
    assert (await migrate(old.engines, new.engines)).same
    async with old.database.open("other", write=True) as work:
        await work.attachments.delete([doc(2, company="other").document_id])
    done = await migrate(old.engines, new.engines)
    assert done.same
    assert (done.written, done.deleted) == (0, 1)


async def test_companies_that_the_source_has_not_go_only_when_told(make: Make) -> None:
    old, new = await make("file"), await make("postgresql")
    await old.fill()
    await migrate(old.engines, new.engines)
    async with old.database.directory() as directory:
        await directory.delete_tenant("other")
    with pytest.raises(AppError, match="other") as refused:
        await migrate(old.engines, new.engines)
    assert refused.value.code is Code.TENANT_EXISTS
    assert (await migrate(old.engines, new.engines, replace=True)).same


@pytest.mark.parametrize(("source", "target"), [("file", "postgresql"), ("postgresql", "file")])
async def test_a_target_that_was_used_since_is_not_undone_unasked(make: Make, source: str, target: str) -> None:
    old, new = await make(source), await make(target)
    await old.fill()
    await migrate(old.engines, new.engines)
    async with new.database.open("acme", write=True) as work:
        await work.documents.put([doc(5000)])
        await work.audit.add(replace(audit_entry(), at=now()))
    with pytest.raises(AppError, match="acme has newer") as refused:
        await migrate(old.engines, new.engines)
    assert refused.value.code is Code.TENANT_EXISTS
    async with new.database.open("acme") as work:
        assert await work.documents.get(doc(5000).document_id) is not None
    assert (await migrate(new.engines, old.engines)).same, "the other way round nothing is undone"
    await migrate(old.engines, new.engines)


async def test_files_are_compared_with_what_the_rows_say(make: Make) -> None:
    house = await make("file")
    await house.fill()
    assert await check_files(house.engines, house.blobs) == CheckedFiles(checked=2)
    await house.blobs.open("acme").delete(KEY)
    await house.blobs.open("other").put(KEY, b"something else")
    assert await check_files(house.engines, house.blobs) == CheckedFiles(checked=2, missing=1, changed=1)

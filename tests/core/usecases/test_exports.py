"""Exports that are killed, tried again, overtaken or taken back: the one that began last counts, and no file is left over."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline import person_erase
from backend.core.model.erasure import ErasureState, Named
from backend.core.model.export import Export, ExportState
from backend.core.model.tenant import Role
from backend.core.ports.exports import Exporter, Written
from backend.core.ports.services import Services
from backend.core.usecases import exports, people, tenants
from backend.core.usecases.retention import delete_old_exports
from tests.api.house import OPERATOR, House
from tests.core.usecases.conftest import CallerOf

Tell = Callable[[str, int, int], None]


@dataclass
class Held:
    """The real exporter, held before its end until it is let go; or failing as long as it is told to."""

    real: Exporter
    failures: list[AppError] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, company_id: str, key: str, tell: Tell) -> Written:
        if self.failures:
            raise self.failures.pop()
        tell("documents", 3, 40)
        self.begun.set()
        await self.go.wait()
        tell("files", 4, 40)
        return await self.real.write(company_id, key, tell)


@pytest.fixture
def held(house: House) -> Held:
    return Held(house.services.exporter)


@pytest.fixture
def services(house: House, held: Held) -> Services:
    return replace(house.services, exporter=held)


async def start(services: Services, caller: CallerOf, company: str = "acme") -> str:
    return (await exports.start_export(services, company, caller=caller(Role.ADMIN, company))).export_id


async def stored(services: Services, export_id: str, company: str = "acme") -> Export:
    return await exports.get_export(services, company, export_id)


async def change(services: Services, export: Export, **changes: object) -> None:
    async with services.database.open("acme", write=True) as uow:
        await uow.exports.put(msgspec.structs.replace(export, **changes))


async def test_how_far_it_is_is_told_while_it_is_written(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    job = asyncio.create_task(exports.run_export(services, "acme", export_id))
    await held.begun.wait()
    async with asyncio.timeout(30):
        while (now := await stored(services, export_id)).done == 0:
            await asyncio.sleep(0.05)
    assert (now.state, now.phase, now.done, now.total) == (ExportState.RUNNING, "documents", 3, 40)
    held.go.set()
    assert await job is None
    done = await stored(services, export_id)
    assert (done.state, done.phase, done.done) == (ExportState.DONE, "", done.total)
    assert done.total == sum(done.rows.values()) + done.files


async def test_killed_in_the_middle_it_is_found_and_written_from_the_beginning(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    job = asyncio.create_task(exports.run_export(services, "acme", export_id))
    await held.begun.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    blobs = services.blobs.open("acme")
    await blobs.put(f"exports/{export_id}/1.zip", b"killed behind the last byte")
    async with services.database.directory() as directory:
        assert export_id in [job.subject for job in await directory.unfinished()]
    held.go.set()
    assert await exports.run_export(services, "acme", export_id) is None
    done = await stored(services, export_id)
    assert (done.state, done.attempt) == (ExportState.DONE, 2)
    assert await blobs.list("exports") == [done.key]
    assert await exports.run_export(services, "acme", export_id) is None, "a twin finds nothing to do"
    assert await stored(services, export_id) == done


async def test_of_two_that_write_the_one_that_began_last_counts(services: Services, held: Held, caller: CallerOf, house: House) -> None:
    export_id = await start(services, caller)
    first = asyncio.create_task(exports.run_export(services, "acme", export_id))
    await held.begun.wait()
    assert await exports.run_export(house.services, "acme", export_id) is None
    done = await stored(services, export_id)
    held.go.set()
    assert await first is None
    assert await stored(services, export_id) == done
    assert await services.blobs.open("acme").list("exports") == [done.key]


async def test_one_that_is_deleted_while_it_is_written_leaves_no_file(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    job = asyncio.create_task(exports.run_export(services, "acme", export_id))
    await held.begun.wait()
    await exports.delete_export(services, "acme", export_id, caller=caller(Role.ADMIN))
    held.go.set()
    assert await job is None
    assert await services.blobs.open("acme").list("exports") == []
    assert await exports.list_exports(services, "acme") == []


async def test_one_of_a_company_that_is_erased_meanwhile_leaves_no_file(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    job = asyncio.create_task(exports.run_export(services, "acme", export_id))
    await held.begun.wait()
    erased = await tenants.delete_tenant(services, OPERATOR, "acme")
    assert (erased.left.rows, erased.left.files) == (0, 0)
    held.go.set()
    assert await job is None
    assert await services.blobs.open("acme").list("") == []


async def test_what_passes_is_tried_again_with_longer_pauses_and_then_given_up(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    held.failures = [AppError(Code.STORAGE_FULL, "The disk is full.") for _ in range(exports.MOST_TRIES)]
    for pause in (60.0, 240.0, 960.0, 3840.0):
        assert await exports.run_export(services, "acme", export_id) == pause
        waiting = await stored(services, export_id)
        assert (waiting.state, waiting.error_code, waiting.expires_at) == (ExportState.QUEUED, "storage_full", None)
        early = await exports.run_export(services, "acme", export_id)
        assert early is not None
        assert 0 < early <= pause, "the sweeper's job makes it no sooner"
        await change(services, waiting, resume_at=clock.now())
    assert await exports.run_export(services, "acme", export_id) is None
    failed = await stored(services, export_id)
    assert (failed.state, failed.error_message) == (ExportState.FAILED, "The disk is full.")
    assert failed.expires_at is not None
    with pytest.raises(AppError, match="start another one"):
        await exports.open_export(services, "acme", export_id, caller=caller(Role.ADMIN))
    held.go.set()
    other = await start(services, caller)
    assert await exports.run_export(services, "acme", other) is None
    assert (await stored(services, other)).state is ExportState.DONE


async def test_what_does_not_pass_fails_at_once_and_what_dies_each_time_fails_too(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    held.failures = [AppError(Code.TENANT_NOT_FOUND)]
    assert await exports.run_export(services, "acme", export_id) is None
    assert (await stored(services, export_id)).error_code == "tenant_not_found"
    export_id = await start(services, caller)
    await change(services, await stored(services, export_id), state=ExportState.RUNNING, tries=exports.MOST_TRIES)
    assert await exports.run_export(services, "acme", export_id) is None
    failed = await stored(services, export_id)
    assert (failed.state, failed.error_code, "5 times" in failed.error_message) == (ExportState.FAILED, "export_failed", True)


async def test_an_error_is_forgotten_once_it_is_done(services: Services, held: Held, caller: CallerOf) -> None:
    export_id = await start(services, caller)
    held.failures = [AppError(Code.STORAGE_UNAVAILABLE)]
    assert await exports.run_export(services, "acme", export_id) == 60.0
    await change(services, await stored(services, export_id), resume_at=None)
    held.go.set()
    assert await exports.run_export(services, "acme", export_id) is None
    done = await stored(services, export_id)
    assert (done.state, done.error_code, done.error_message) == (ExportState.DONE, None, "")


async def test_after_a_person_was_erased_no_export_holds_them(services: Services, held: Held, caller: CallerOf, house: House) -> None:
    admin = caller(Role.ADMIN)
    written, theirs = await start(services, caller), await start(services, caller, "bravo")
    for company, export_id in (("acme", written), ("bravo", theirs)):
        assert await exports.run_export(house.services, company, export_id) is None
    writing = await start(services, caller)
    job = asyncio.create_task(exports.run_export(services, "acme", writing))
    await held.begun.wait()
    erasure = await people.start_erasure(services, "acme", Named(email="kim@acme.example"), attachments=False, caller=admin)
    while await person_erase.erase_person(services, "acme", erasure.erasure_id) is not None:
        assert await exports.run_export(house.services, "acme", writing) == exports.ERASING_SECONDS, "none begins meanwhile"
    assert [each.export_id for each in await exports.list_exports(services, "acme")] == [writing]
    assert await services.blobs.open("acme").list("exports") == []
    held.go.set()
    assert await job is None
    again = await stored(services, writing)
    assert (again.state, again.tries) == (ExportState.QUEUED, 0)
    assert await services.blobs.open("acme").list("exports") == [], "what was begun before is thrown away"
    assert await exports.run_export(services, "acme", writing) is None
    done = await stored(services, writing)
    assert done.state is ExportState.DONE
    async with services.database.open("acme") as uow:
        entries, _ = await uow.audit.list(action="export.delete")
        assert (await uow.erasures.list())[0].state is ErasureState.DONE
    assert [(each.actor, each.target) for each in entries] == [(person_erase.ACTOR, written)]
    assert (await stored(services, theirs, "bravo")).state is ExportState.DONE
    assert len(await services.blobs.open("bravo").list("exports")) == 1


async def test_old_ones_are_deleted_and_files_that_none_names(services: Services, held: Held, caller: CallerOf) -> None:
    held.go.set()
    theirs = await start(services, caller, "bravo")
    assert await exports.run_export(services, "bravo", theirs) is None
    old = await start(services, caller)
    assert await exports.run_export(services, "acme", old) is None
    await change(services, await stored(services, old), expires_at=clock.now())
    young = await start(services, caller)
    assert await exports.run_export(services, "acme", young) is None
    blobs = services.blobs.open("acme")
    await blobs.put(f"exports/{young}/0.zip", b"an attempt that was killed")
    await blobs.put("exports/export_nobody/1.zip", b"deleted, and killed before its file was")
    assert await delete_old_exports(services) == 1
    assert await delete_old_exports(services) == 0
    assert await blobs.list("exports") == [(await stored(services, young)).key]
    async with services.database.open("acme") as uow:
        assert [each.export_id for each in await uow.exports.list()] == [young]
        entries, _ = await uow.audit.list(action="export.delete")
    assert [(each.actor, each.target) for each in entries] == [("retention", old)]
    assert (await stored(services, theirs, "bravo")).state is ExportState.DONE


async def test_no_more_than_some_are_kept_at_once(services: Services, held: Held, caller: CallerOf) -> None:
    held.go.set()
    oldest = ""
    for _ in range(exports.MOST_KEPT):
        export_id = await start(services, caller)
        oldest = oldest or export_id
        assert await exports.run_export(services, "acme", export_id) is None
    with pytest.raises(AppError, match=f"delete one, such as {oldest}") as refused:
        await start(services, caller)
    assert refused.value.code is Code.EXPORTS_KEPT
    await exports.delete_export(services, "acme", oldest, caller=caller(Role.ADMIN))
    assert await start(services, caller)

"""An index that is gone or changed is built anew from the store, without the helpdesk and without paying again; search stays up."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from msgspec import structs

from backend.core import clock
from backend.core.ids import document_id
from backend.core.ingest.pipeline.points import switch_when_whole
from backend.core.model.document import DocState
from backend.core.ports.services import Services
from sandbox.freshdesk import change
from sandbox.serve import SandboxServer
from tests.e2e.trip import Tenant, Trip, running_trip

QUESTION = "비밀번호 재설정 메일이 오지 않아요"


async def _first(data: Path, sandbox: SandboxServer) -> tuple[str, int, list[str]]:
    """Sync once; the key, the number of Documents, and the tickets that answer the question."""
    async with running_trip(data) as trip:
        tenant = await trip.onboard("acme")
        await tenant.connect(sandbox)
        run = await tenant.sync()
        # What is recognized in pictures afterwards changes documents, and with them the order of what is found.
        await trip.settle("acme")
        found = await tenant.ask(QUESTION)
        return tenant.api_key, run["counts"]["documents"], _tickets(found)


def _tickets(found: dict[str, list[dict[str, str]]]) -> list[str]:
    return [hit["document_id"] for hit in found["tickets"]]


async def _indexed(services: Services) -> int:
    async with services.database.open("acme") as uow:
        return (await uow.documents.counts()).get(DocState.INDEXED, 0)


async def _switched(trip: Trip) -> None:
    services = trip.runtime.services
    async with asyncio.timeout(60):
        while await services.indexes.building("acme") is not None:
            await asyncio.sleep(0.05)


async def test_an_index_that_is_lost_or_changed_is_built_anew(tmp_path: Path, sandbox: SandboxServer) -> None:
    data = tmp_path / "data"
    key, documents, first = await _first(data, sandbox)
    asked = sandbox.stats.total
    shutil.rmtree(data / "index" / "acme")
    for settings in ({}, {"dense_weight": 0.5}):
        async with running_trip(data, **settings) as trip:
            tenant = trip.tenant("acme", key)
            services = trip.runtime.services
            async with asyncio.timeout(60):
                while await _indexed(services) != documents:
                    await asyncio.sleep(0.05)
            await _switched(trip)
            assert (await (await services.indexes.open("acme")).count())[1] == documents
            again = await tenant.ask(QUESTION)
            if not settings:
                assert _tickets(again) == first
            assert again["answer"]["grounded"]
    assert sandbox.stats.total == asked


async def test_search_stays_up_and_current_while_another_index_is_built(tmp_path: Path, sandbox: SandboxServer) -> None:
    data = tmp_path / "data"
    key, documents, first = await _first(data, sandbox)
    number = next(ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live")
    async with running_trip(data, dense_weight=0.5) as trip:
        # No job runs here, so that each step of the rebuilding can be looked at.
        services, tenant = trip.runtime.services, trip.tenant("acme", key)
        await services.queue.stop()
        async with services.database.open("acme", write=True) as uow:
            await uow.documents.release(indexed=True)
        assert _tickets(await tenant.ask(QUESTION)) == first
        assert not await switch_when_whole(services, "acme"), "it is not whole"
        assert (await (await services.indexes.open("acme")).count())[1] == documents
    async with running_trip(data, dense_weight=0.5) as trip:
        tenant = trip.tenant("acme", key)
        change.update(sandbox.site, number, {"subject": "엘리베이터 점검 일정 문의"})
        connection = (await tenant.get("/connections"))["items"][0]["connection_id"]
        tenant.connection_id = connection
        seen = await _ask_until_switched(trip, tenant, first)
        assert seen > 0
        run = await tenant.sync()
        assert run["state"] == "completed"
        assert run["counts"]["documents"] == run["counts"]["indexed_documents"] == documents
        found = await tenant.ask("엘리베이터 점검 일정")
        assert str(number) in [hit["original_id"] for hit in found["tickets"]]
        folders = [path for path in (data / "index" / "acme").iterdir() if path.is_dir()]
        async with asyncio.timeout(20):
            while len(folders) > 1:
                await asyncio.sleep(0.1)
                folders = [path for path in (data / "index" / "acme").iterdir() if path.is_dir()]
    assert "offline-hashing" in folders[0].name


async def _ask_until_switched(trip: Trip, tenant: Tenant, first: list[str]) -> int:
    """Ask again and again; every answer is by the whole old index or the whole new one. Returns how often it was asked."""
    asked = 0
    services = trip.runtime.services
    async with asyncio.timeout(60):
        while True:
            before = await services.indexes.building("acme")
            found = await tenant.ask(QUESTION)
            asked += 1
            if before is None:
                return asked
            if await services.indexes.building("acme") is not None:
                assert _tickets(found) == first


async def test_what_changes_meanwhile_goes_into_both(tmp_path: Path, sandbox: SandboxServer) -> None:
    data = tmp_path / "data"
    key, documents, _ = await _first(data, sandbox)
    changed, gone = [ticket.id for ticket in sandbox.account.tickets.values() if ticket.state == "live"][:2]
    async with running_trip(data) as trip:
        await trip.runtime.services.queue.stop()
        async with trip.runtime.services.database.open("acme", write=True) as uow:
            await uow.documents.release(indexed=True)
            # One that waits for a day keeps the other index from being whole.
            tomorrow = clock.now() + timedelta(days=1)
            claimed = await uow.documents.claim(documents, clock.now())
            waiting = next(document for document in claimed if document.original_id not in (str(changed), str(gone)))
            await uow.documents.finish([structs.replace(waiting, state=DocState.PENDING, next_try_at=tomorrow)])
    async with running_trip(data, dense_weight=0.5) as trip:
        services, tenant = trip.runtime.services, trip.tenant("acme", key)
        connection, *_ = (await tenant.get("/connections"))["items"]
        change.update(sandbox.site, changed, {"subject": "엘리베이터 점검 일정 문의"})
        change.set_state(sandbox.site, gone, "deleted")
        run = await tenant.post("/ingest", {"connection_id": connection["connection_id"]})
        await tenant.wait(run["run_id"])
        building = await services.indexes.building("acme")
        assert building is not None
        for index in (await services.indexes.open("acme"), building):
            assert await index.chunks(document_id("acme", "freshdesk", "ticket", str(changed)))
            assert not await index.chunks(document_id("acme", "freshdesk", "ticket", str(gone)))
        found = await tenant.ask("엘리베이터 점검 일정")
        assert str(changed) in [hit["original_id"] for hit in found["tickets"]]
        assert (await building.count())[1] == documents - 2


async def test_an_index_that_cannot_be_read_keeps_nobody_else_waiting(tmp_path: Path, sandbox: SandboxServer) -> None:
    data = tmp_path / "data"
    key, documents, first = await _first(data, sandbox)
    async with running_trip(data) as trip:
        globex = await trip.onboard("globex")
        await (await trip.runtime.services.indexes.open("globex")).count()
    # Written from end to end by something else.
    for file in (path for path in (data / "index" / "globex").rglob("*") if path.is_file() and path.name != "searched.json"):
        file.write_bytes(b"\xff" * 100)
    async with running_trip(data, jobs=False) as trip:
        await trip.runtime.start()
        acme = trip.tenant("acme", key)
        assert _tickets(await acme.ask(QUESTION)) == first
        refused = await trip.tenant("globex", globex.api_key).client.post("/api/v1/query", json={"question": QUESTION})
        assert refused.json()["error"]["code"] == "index_unavailable", refused.text
        assert await _indexed(trip.runtime.services) == documents

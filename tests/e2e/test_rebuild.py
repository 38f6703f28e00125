"""Everything is made again of the archive of payloads, with the helpdesk switched off: documents and chunks as a sync made them."""

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.kept_names import key_of
from backend.core.ingest.pipeline.process import process_pending
from backend.core.ingest.pipeline.rebuild import remaking
from backend.core.model.connection import Connection
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.sync import Run
from backend.core.model.tenant import SealedSecret
from backend.core.usecases.sync import run_sync
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from sandbox.zendesk.serve import running_zendesk
from tests.e2e.test_files import ROWS, write_export
from tests.e2e.trip import Json, Tenant, Trip, running_trip
from tests.support.deadly import DeadlyStores, KilledError


async def _documents(trip: Trip) -> dict[str, Document]:
    """All of acme's, without when they were indexed."""
    async with trip.runtime.services.database.open("acme") as uow:
        page, _ = await uow.documents.list(states=list(DocState), limit=1_000)
    return {each.document_id: msgspec.structs.replace(each, indexed_at=None) for each in page}


async def _chunks(acme: Tenant) -> dict[str, Any]:
    items = (await acme.get("/documents", limit=200))["items"]
    return {each["document_id"]: (await acme.get(f"/documents/{each['document_id']}/chunks"))["items"] for each in items}


async def _spoil(trip: Trip, documents: Iterable[Document]) -> int:
    """Store Documents as another version of Desklore might have made them, and index them so; returns how many."""
    indexed = [each for each in documents if each.state is DocState.INDEXED]
    async with trip.runtime.services.database.open("acme", write=True) as uow:
        await uow.documents.put([msgspec.structs.replace(_old(each), state=DocState.PENDING, summary=None) for each in indexed])
    await process_pending(trip.runtime.services, "acme")
    return len(indexed)


def _old(document: Document) -> Document:
    parts = tuple(msgspec.structs.replace(part, text=f"<p>예전 방식 {part.text}</p>") for part in document.parts)
    return msgspec.structs.replace(document, title=f"Re: {document.title}", parts=parts, attributes={"그룹": "?"})


async def _rebuild(acme: Tenant, **options: bool) -> Json:
    run = await acme.post("/documents/rebuild", {"connection_id": acme.connection_id, **options})
    return await acme.wait(run["run_id"])


async def _connected(platform: str, data: Path) -> tuple[str, str]:
    """A tenant that was synced with a helpdesk which is gone by now: its key and connection."""
    sandbox = running_sandbox(SandboxOptions(tickets=40)) if platform == "freshdesk" else running_zendesk(SandboxOptions(tickets=40))
    async with sandbox as server, running_trip(data) as trip:
        acme = await trip.onboard("acme")
        await (acme.connect(server) if isinstance(server, SandboxServer) else acme.connect_zendesk(server))
        assert (await acme.sync())["state"] == "completed"
        await trip.settle("acme")
        return acme.api_key, acme.connection_id


@pytest.mark.parametrize("platform", ["freshdesk", "zendesk"])
async def test_documents_and_chunks_are_as_the_sync_made_them(tmp_path: Path, platform: str) -> None:
    key, connection_id = await _connected(platform, tmp_path / "data")
    async with running_trip(tmp_path / "data") as trip:
        acme = trip.tenant("acme", key)
        acme.connection_id = connection_id
        before, chunks = await _documents(trip), await _chunks(acme)
        spoiled = await _spoil(trip, list(before.values())[::2])
        wrong = await _documents(trip)

        looked = await _rebuild(acme, dry_run=True)
        assert (looked["state"], looked["rebuilt"]["changed"], looked["counts"]["stored"]) == ("completed", spoiled, 0), looked
        assert await _documents(trip) == wrong, "a dry run writes nothing"

        run = await _rebuild(acme)
        assert (run["state"], run["counts"]["stored"], run["counts"]["api_calls"]) == ("completed", spoiled, 0), run
        assert (run["counts"]["failed"], run["rebuilt"]["incomplete"], run["rebuilt"]["newer"]) == (0, 0, 0)
        assert run["counts"]["listed"] == run["counts"]["expected"] == len(before)
        await trip.settle("acme")
        assert await _documents(trip) == before
        assert await _chunks(acme) == chunks

        again = await _rebuild(acme, files=True)
        assert (again["counts"]["stored"], again["counts"]["unchanged"], again["counts"]["llm_calls"]) == (0, len(before), 0), again
        assert await _documents(trip) == before


async def _archived(trip: Trip) -> list[str]:
    return await trip.runtime.services.blobs.open("acme").list("raw")


@pytest.mark.parametrize("platform", ["freshdesk", "zendesk"])
async def test_a_compacted_archive_gives_the_same_documents(tmp_path: Path, platform: str) -> None:
    helpdesk = running_sandbox(SandboxOptions(tickets=40)) if platform == "freshdesk" else running_zendesk(SandboxOptions(tickets=40))
    async with helpdesk as server, running_trip(tmp_path / "data", archive_days=7) as trip:
        acme = await trip.onboard("acme")
        await (acme.connect(server) if isinstance(server, SandboxServer) else acme.connect_zendesk(server))
        for _ in range(3):
            assert (await acme.sync(mode="refresh"))["state"] == "completed"
        await trip.settle("acme")
        before, chunks, files = await _documents(trip), await _chunks(acme), await _archived(trip)

        async with trip.runtime.services.database.open("acme", write=True) as uow:
            connection = await uow.connections.get(acme.connection_id)
            assert connection is not None
            assert connection.compacted_at is None, "it was made a moment ago"
            await uow.connections.put(msgspec.structs.replace(connection, created_at=datetime(2024, 1, 1, tzinfo=UTC)))
        assert (await acme.sync())["state"] == "completed"
        left = await _archived(trip)
        assert len(left) < len(files) / 2, (files, left)
        told = (await acme.client.get("/metrics")).text
        assert f'desklore_archive_files_total{{outcome="removed"}} {float(len(set(files) - set(left)))}' in told
        async with trip.runtime.services.database.open("acme") as uow:
            connection = await uow.connections.get(acme.connection_id)
            assert connection is not None
            assert connection.compacted_at is not None
        await acme.sync()
        assert await _archived(trip) == left, "once in so many days"

        spoiled = await _spoil(trip, list(before.values())[::2])
        run = await _rebuild(acme)
        assert (run["state"], run["counts"]["stored"], run["rebuilt"]["incomplete"]) == ("completed", spoiled, 0), run
        assert run["counts"]["listed"] == run["counts"]["expected"] == len(before)
        await trip.settle("acme")
        assert await _documents(trip) == before
        assert await _chunks(acme) == chunks


async def test_files_that_are_no_more_are_made_again_too(tmp_path: Path) -> None:
    folder = tmp_path / "roots" / "acme"
    folder.mkdir(parents=True)
    write_export(folder / "tickets.csv", ROWS)
    (folder / "반품 안내.md").write_text("# 반품\n\n반품 배송비는 왕복 육천원이며 마이페이지에서 수거를 신청합니다.", encoding="utf-8")
    async with running_trip(tmp_path / "data", file_roots=str(tmp_path / "roots")) as trip:
        acme = await trip.onboard("acme")
        made = await acme.post("/connections", {"platform": "file", "domain": "folder", "credentials": {}})
        acme.connection_id = made["connection_id"]
        await acme.sync()
        await trip.settle("acme")
        before = await _documents(trip)
        for file in folder.iterdir():
            file.unlink()
        spoiled = await _spoil(trip, before.values())
        run = await _rebuild(acme, files=True)
        await trip.settle("acme")
        assert (run["state"], run["counts"]["stored"], run["counts"]["api_calls"]) == ("completed", spoiled, 0), run
        assert spoiled == len(before) == 3
        assert await _documents(trip) == before


def test_a_source_that_makes_nothing_again_is_refused() -> None:
    connection = Connection(
        connection_id="conn_1",
        platform="acmedesk",
        domain="acme",
        credentials=SealedSecret(""),
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    with pytest.raises(AppError) as caught:
        remaking(connection, object())
    assert caught.value.code is Code.REBUILD_UNSUPPORTED
    assert "desklore sync conn_1 --refresh" in caught.value.message


async def test_killed_half_way_it_goes_on_behind_what_it_has_done(tmp_path: Path) -> None:
    key, connection_id = await _connected("freshdesk", tmp_path / "data")
    async with running_trip(tmp_path / "data", jobs=False) as trip:
        services, acme = trip.runtime.services, trip.tenant("acme", key)
        before = await _documents(trip)
        spoiled = await _spoil(trip, before.values())
        files = await services.blobs.open("acme").list("raw/")
        assert len(files) >= 3
        run = await acme.post("/documents/rebuild", {"connection_id": connection_id})
        deadly = dataclasses.replace(services, blobs=DeadlyStores(services.blobs, len(files) + len(files) // 2))
        with pytest.raises(KilledError):
            await run_sync(deadly, "acme", run["run_id"])
        async with services.database.open("acme") as uow:
            half: Run | None = await uow.sync.get_run(run["run_id"])
        assert half is not None
        assert 0 < half.counts.stored < spoiled, half
        while await run_sync(services, "acme", run["run_id"]) is not None:
            await process_pending(services, "acme")
        ended = await acme.get(f"/runs/{run['run_id']}")
        assert (ended["state"], ended["counts"]["stored"], ended["rebuilt"]["changed"]) == ("completed", spoiled, spoiled), ended
        assert await _documents(trip) == before


async def test_what_is_gone_stays_gone_and_what_is_newer_stays_newer(trip: Trip, acme: Tenant) -> None:
    await acme.sync()
    await trip.settle("acme")
    tickets = [each for each in (await _documents(trip)).values() if each.doc_type is DocType.TICKET]
    gone, newer, on_the_spot, unnamed = tickets[:4]
    services = trip.runtime.services
    async with services.database.open("acme", write=True) as uow:
        await uow.documents.mark_deleted(acme.connection_id, DocType.TICKET, {gone.original_id: "hidden"}, gone.stored_at)
        later = msgspec.structs.replace(newer, title="새 제목", updated_at=newer.stored_at, source_version="later")
        await uow.documents.put([later, msgspec.structs.replace(on_the_spot, title="방금", source_version="")])
        connection = await uow.connections.get(acme.connection_id)
    run = await _rebuild(acme)
    assert (run["counts"]["stored"], run["rebuilt"]["gone"], run["rebuilt"]["newer"]) == (0, 1, 2), run
    after = await _documents(trip)
    assert (after[newer.document_id].title, after[on_the_spot.document_id].title) == ("새 제목", "방금")
    assert after[gone.document_id].state is DocState.DELETED

    assert connection is not None
    assert await services.blobs.open("acme").delete(key_of(connection)) == 1, "names are kept beside the archive"
    await _spoil(trip, [unnamed])
    spoiled = (await _documents(trip))[unnamed.document_id]
    run = await _rebuild(acme)
    assert run["rebuilt"]["incomplete"] == len(tickets) - 1, run
    assert "--refresh" in run["error_message"]
    assert (await _documents(trip))[unnamed.document_id] == spoiled, "without names it stays as it is stored"
    # Reading everything anew brings the names back.
    await acme.sync(mode="refresh")
    await trip.settle("acme")
    assert (await _rebuild(acme))["rebuilt"]["incomplete"] == 0


async def test_one_run_at_a_time_and_only_ones_own_connection(trip: Trip, acme: Tenant) -> None:
    other = await trip.onboard("other")
    refused = await other.client.post("/api/v1/documents/rebuild", json={"connection_id": acme.connection_id})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "connection_not_found")
    # Nothing was read yet, so nothing is made again.
    run = await _rebuild(acme)
    assert (run["state"], run["counts"]["expected"], run["counts"]["stored"]) == ("completed", 0, 0), run
    assert (await other.get("/runs"))["items"] == []
    async with trip.runtime.services.database.open("acme") as uow:
        assert [each.target for each in (await uow.audit.list(action="run.start"))[0]] == [run["run_id"]]

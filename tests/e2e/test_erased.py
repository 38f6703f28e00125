"""What is deleted leaves nothing behind: no payload in the archive, and no file that nobody else carries."""

import msgspec
import zstandard

from backend.core.model.document import AttachmentFile, DocState, DocType, Document
from sandbox.freshdesk import change
from sandbox.serve import SandboxServer
from tests.e2e.trip import Tenant, Trip


async def _archived(trip: Trip, connection_id: str) -> list[str]:
    """The tickets that the archive of payloads holds, each as often as it does."""
    blobs = trip.runtime.services.blobs.open("acme")
    found = []
    for key in await blobs.list(f"raw/freshdesk/{connection_id}"):
        lines = zstandard.decompress(await blobs.get(key) or b"").split(b"\n")
        items = [msgspec.json.decode(line) for line in lines]
        found += [item["original_id"] for item in items if item["doc_type"] == "ticket"]
    return found


async def _with_file(trip: Trip) -> list[tuple[Document, AttachmentFile]]:
    """Tickets with a file that no other has."""
    async with trip.runtime.services.database.open("acme") as uow:
        documents, _ = await uow.documents.list(doc_types=(DocType.TICKET,), limit=1_000)
        by_id = {each.document_id: each for each in documents}
        files = [each for each in await uow.attachments.of(list(by_id)) if each.blob_key]
        of_one = {each.document_id: each for each in files}
        return [
            (by_id[document_id], file)
            for document_id, file in of_one.items()
            if not await uow.attachments.in_use([str(file.blob_key)], without=[document_id])
        ]


async def test_a_deleted_ticket_leaves_neither_payload_nor_file(trip: Trip, acme: Tenant, sandbox: SandboxServer) -> None:
    await acme.sync()
    (lonely, file), (sharing, shared), (other, others), *_ = await _with_file(trip)
    blobs, database = trip.runtime.services.blobs.open("acme"), trip.runtime.services.database
    async with database.open("acme") as uow:
        # The same picture in two tickets.
        await uow.attachments.put([msgspec.structs.replace(others, blob_key=shared.blob_key, sha256=shared.sha256)])
    before = await _archived(trip, acme.connection_id)
    assert {lonely.original_id, sharing.original_id} <= set(before)
    for gone in (lonely, sharing):
        change.set_state(sandbox.site, int(gone.original_id), "deleted")
    run = await acme.sync()
    assert (run["state"], run["counts"]["deleted"]) == ("completed", 2)
    after = await _archived(trip, acme.connection_id)
    assert not {lonely.original_id, sharing.original_id} & set(after)
    assert set(before) - set(after) == {lonely.original_id, sharing.original_id}, "all others are there"
    assert await blobs.size(str(file.blob_key)) is None
    assert await blobs.size(str(shared.blob_key)) is not None, f"{other.original_id} carries it too"
    async with database.open("acme") as uow:
        assert await uow.documents.buried(acme.connection_id, 10) == {}
        assert [each.document_id for each in await uow.attachments.of([lonely.document_id, sharing.document_id])] == []
    change.set_state(sandbox.site, int(lonely.original_id), "live")
    await acme.sync()
    assert await blobs.size(str(file.blob_key)) == file.size, "restored, it is fetched again"
    assert lonely.original_id in await _archived(trip, acme.connection_id)


async def test_what_was_left_by_a_kill_is_erased_by_the_next_sync(trip: Trip, acme: Tenant) -> None:
    await acme.sync()
    ((document, file), *_) = await _with_file(trip)
    async with trip.runtime.services.database.open("acme") as uow:
        await uow.documents.mark_deleted(acme.connection_id, DocType.TICKET, {document.original_id: "purged"}, document.stored_at)
        assert list(await uow.documents.buried(acme.connection_id, 10)) == [document.document_id]
    await acme.sync()
    assert await trip.runtime.services.blobs.open("acme").size(str(file.blob_key)) is None
    async with trip.runtime.services.database.open("acme") as uow:
        left = await uow.documents.get(document.document_id)
        assert (await uow.documents.buried(acme.connection_id, 10), left and left.state) == ({}, DocState.DELETED)

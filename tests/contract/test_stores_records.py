"""What every store of connections, runs, usage, feedback, audit, keys and tenants must do."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.budget import Purpose, Usage
from backend.core.model.document import AttachmentState, DocState, DocType
from backend.core.model.feedback import Rating
from backend.core.model.job import ALL, JobName
from backend.core.model.sync import Cursor, HeldDeletion, ItemRef, RunState, Stream
from backend.core.model.ticket import Presence
from tests.contract.records import (
    CONNECTION,
    START,
    Records,
    api_key,
    attachment,
    audit_entry,
    connection,
    doc,
    failure,
    run,
    tenant,
    thumb,
    usage_row,
)

LATER = START + timedelta(hours=1)


async def test_connections_come_back_oldest_first_and_are_replaced(records: Records) -> None:
    first, second = connection("conn_b"), connection("conn_a", created_at=LATER)
    async with records.database.open("acme") as work:
        await work.connections.put(second)
        await work.connections.put(first)
        await work.connections.put(replace(first, state_reason="키가 바뀜"))
        assert await work.connections.list() == [replace(first, state_reason="키가 바뀜"), second]
        assert await work.connections.get("conn_a") == second
        assert await work.connections.get("conn_c") is None


async def test_a_helpdesk_is_connected_once(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.connections.put(connection("conn_1"))
    with pytest.raises(AppError) as refused:
        async with records.database.open("acme") as work:
            await work.connections.put(connection("conn_2", domain="conn_1.freshdesk.com"))
    assert refused.value.code is Code.CONNECTION_EXISTS


async def test_deleting_a_connection_takes_its_runs_cursors_and_failures(records: Records) -> None:
    async with records.database.open("acme") as work:
        for name in ("conn_1", "conn_2"):
            await work.connections.put(connection(name))
            await work.sync.put_run(run(f"run_{name}", connection_id=name))
            await work.sync.put_cursor(name, Cursor(stream=Stream.TICKETS))
            await work.sync.put_failures(name, [failure("1")])
        await work.connections.delete("conn_1")
        await work.connections.delete("conn_1")
        assert [c.connection_id for c in await work.connections.list()] == ["conn_2"]
        assert [r.run_id for r in (await work.sync.list_runs())[0]] == ["run_conn_2"]
        assert await work.sync.get_cursor("conn_1", Stream.TICKETS) is None
        assert await work.sync.get_cursor("conn_2", Stream.TICKETS) is not None
        assert await work.sync.list_failures("conn_1") == ([], None)
        assert len((await work.sync.list_failures("conn_2"))[0]) == 1


async def test_every_stream_and_every_full_run_has_a_place_of_its_own(records: Records) -> None:
    incremental = Cursor(stream=Stream.TICKETS, position={"since": "2026-03-01T00:00:00Z", "쪽": [1, 2.5, None, True]})
    full = Cursor(stream=Stream.TICKETS, position={"page": 7})
    async with records.database.open("acme") as work:
        await work.sync.put_cursor(CONNECTION, Cursor(stream=Stream.TICKETS))
        await work.sync.put_cursor(CONNECTION, incremental)
        await work.sync.put_cursor(CONNECTION, full, "run_1")
        assert await work.sync.get_cursor(CONNECTION, Stream.TICKETS) == incremental
        assert await work.sync.get_cursor(CONNECTION, Stream.TICKETS, "run_1") == full
        assert await work.sync.get_cursor(CONNECTION, Stream.TICKETS, "run_2") is None
        assert await work.sync.get_cursor(CONNECTION, Stream.ARTICLES) is None
        assert await work.sync.get_cursor("conn_2", Stream.TICKETS) is None


async def test_usage_adds_up_by_day_model_and_purpose(records: Records) -> None:
    tomorrow = usage_row(day=date(2026, 3, 2))
    async with records.database.open("acme") as work:
        await work.usage.add([usage_row(), usage_row(), tomorrow, usage_row(purpose=Purpose.ANSWER)])
        await work.usage.add([usage_row()])
        await work.usage.add([])
        everything = await work.usage.list(date(2026, 3, 1), date(2026, 3, 2))
        assert await work.usage.list(date(2026, 3, 2), date(2026, 3, 2)) == [tomorrow]
        assert await work.usage.list(date(2026, 3, 3), date(2026, 3, 4)) == []
    by_purpose = {(row.day.day, row.purpose): row.usage for row in everything}
    assert by_purpose[1, Purpose.SUMMARY] == Usage(calls=3, input_tokens=300, output_tokens=60, cost_usd=0.75)
    assert by_purpose[1, Purpose.ANSWER] == usage_row().usage


async def test_paid_results_are_kept(records: Records) -> None:
    entries = {f"key-{n}": bytes([n % 256]) * 3 for n in range(1_500)}
    async with records.database.open("acme") as work:
        await work.usage.put_cached(entries, Purpose.EMBED_DOCUMENT)
        await work.usage.put_cached({"key-1": b"new"}, Purpose.SUMMARY)
        await work.usage.put_cached({}, Purpose.SUMMARY)
        assert await work.usage.get_cached([*entries, "unknown"]) == entries | {"key-1": b"new"}
        assert await work.usage.get_cached([]) == {}


async def test_a_key_is_found_by_its_hash_whoever_it_belongs_to(records: Records) -> None:
    mine, theirs = api_key("k1", "acme"), api_key("k2", "other", created_at=LATER)
    for key in (mine, theirs):
        async with records.database.open(key.company_id) as work:
            await work.keys.put(key)
    async with records.database.directory() as directory:
        assert await directory.find_key("hash-k2") == theirs
        assert await directory.find_key("hash-k3") is None
        await directory.touch_key("k1", LATER)
        await directory.touch_key("k1", LATER + timedelta(seconds=5))
        await directory.touch_key("k9", LATER)
    async with records.database.open("acme") as work:
        assert await work.keys.list() == [replace(mine, last_used_at=LATER)]
        await work.keys.put(replace(mine, revoked_at=LATER))
        found = await work.keys.get("k1")
        assert found is not None
        assert found.revoked_at == LATER
        assert await work.keys.get("k2") is None


async def test_tenants_come_oldest_first_and_are_replaced(records: Records) -> None:
    async with records.database.directory() as directory:
        await directory.put_tenant(tenant("aaa", created_at=LATER))
        await directory.put_tenant(tenant("acme", name="새 이름"))
        listed = await directory.list_tenants()
        assert [t.company_id for t in listed] == ["acme", "other", "aaa"]
        assert await directory.list_tenants(2) == listed[:2]
        assert await directory.get_tenant("acme") == tenant("acme", name="새 이름")
        assert await directory.get_tenant("nobody") is None
        await directory.audit(audit_entry())


async def test_what_is_unfinished_is_told(records: Records) -> None:
    async with records.database.directory() as directory:
        await directory.put_tenant(tenant("third"))
        assert await directory.unfinished() == []
    async with records.database.open("acme") as work:
        await work.sync.put_run(run("run_1", RunState.WAITING))
        await work.sync.put_run(run("run_2", RunState.COMPLETED))
        await work.documents.put([doc(1, state=DocState.INDEXED), doc(2, state=DocState.FAILED)])
    async with records.database.open("other") as work:
        await work.documents.put([doc(1, company="other", state=DocState.PROCESSING)])
        await work.attachments.put([attachment("1", doc(1, company="other"), state=AttachmentState.WAITING)])
    async with records.database.open("third") as work:
        await work.documents.put([doc(1, company="third", state=DocState.FAILED, next_try_at=clock.now() - timedelta(seconds=1))])
        await work.documents.put([doc(2, company="third", state=DocState.FAILED, next_try_at=clock.now() + timedelta(hours=1))])
    async with records.database.directory() as directory:
        assert [(job.name, job.company_id, job.subject) for job in await directory.unfinished()] == [
            (JobName.SYNC_CONNECTION, "acme", "run_1"),
            (JobName.PROCESS_DOCUMENTS, "other", ALL),
            (JobName.PROCESS_DOCUMENTS, "third", ALL),
            (JobName.READ_PICTURES, "other", ALL),
        ]
    async with records.database.open("third") as work:
        assert [d.original_id for d in await work.documents.claim(10, clock.now())] == ["1"]


async def test_a_sweep_tells_who_was_not_named(records: Records) -> None:
    seen, lost = doc(1, connection_id="conn_1"), doc(2, connection_id="conn_1")
    async with records.database.open("acme") as work:
        await work.documents.put([seen, lost])
        assert not await work.sweeps.under_way("conn_1", "run_1", DocType.TICKET)
        await work.sweeps.begin("conn_1", "run_1", DocType.TICKET)
        await work.sweeps.sight("conn_1", "run_1", [ItemRef(doc_type=DocType.TICKET, original_id="1", version="1")] * 2)
    async with records.database.open("acme") as work:
        assert await work.sweeps.under_way("conn_1", "run_1", DocType.TICKET)
        assert not await work.sweeps.under_way("conn_1", "run_2", DocType.TICKET)
        later = seen.stored_at + timedelta(seconds=1)
        assert await work.sweeps.missing("conn_1", DocType.TICKET, later) == ["2"]
        assert await work.sweeps.missing("conn_1", DocType.TICKET, seen.stored_at) == [], "stored since is no matter of this sweep"
        assert await work.sweeps.missing("conn_2", DocType.TICKET, later) == []
        assert await work.sweeps.live("conn_1", DocType.TICKET) == 2
        await work.sweeps.begin("conn_1", "run_2", DocType.TICKET)
        assert await work.sweeps.missing("conn_1", DocType.TICKET, later) == ["1", "2"], "a new sweep forgets the old one"
        await work.sweeps.end("conn_1", DocType.TICKET)
        assert not await work.sweeps.under_way("conn_1", "run_2", DocType.TICKET)


async def test_held_deletions_wait_for_each_connection_by_itself(records: Records) -> None:
    held = [HeldDeletion(doc_type=DocType.TICKET, original_id=str(number), presence=Presence.PURGED, at=START) for number in (1, 2, 3)]
    async with records.database.open("acme") as work:
        await work.connections.put(connection("conn_1"))
        await work.sweeps.hold("conn_1", held)
        await work.sweeps.hold("conn_1", [replace(held[0], presence=Presence.HIDDEN)])
        assert await work.sweeps.list_held("conn_1", limit=2) == [replace(held[0], presence=Presence.HIDDEN), held[1]]
        assert (await work.sweeps.count_held("conn_1"), await work.sweeps.count_held("conn_2")) == (3, 0)
        await work.sweeps.drop_held("conn_1", DocType.ARTICLE)
        await work.sweeps.drop_held("conn_1", DocType.TICKET, ["2"])
        assert [each.original_id for each in await work.sweeps.list_held("conn_1")] == ["1", "3"]
        await work.connections.delete("conn_1")
        assert await work.sweeps.count_held("conn_1") == 0


async def test_the_version_of_thumbs_changes_with_each_of_them(records: Records) -> None:
    one = doc(1)
    seen = []
    for given in (None, thumb(Rating.UP, one), thumb(Rating.DOWN, one, feedback_id="fb_2", at=LATER), thumb(Rating.NONE, one)):
        async with records.database.open("acme") as work:
            if given is not None:
                await work.feedback.put(given)
            seen.append(await work.feedback.version())
            assert await work.feedback.version() == seen[-1]
    assert len(set(seen)) == 3
    assert seen[0] == seen[-1]

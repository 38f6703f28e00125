"""What every DocumentStore must do."""

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from backend.core.errors import AppError, Code
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.ticket import Presence
from backend.core.ports.stores import LOOKED_AT
from tests.contract.records import CONNECTION, START, SUMMARY, Records, attachment, doc, ids


async def put(records: Records, *documents: Document) -> None:
    async with records.database.open("acme") as work:
        await work.documents.put(documents)


async def get(records: Records, number: int) -> Document | None:
    async with records.database.open("acme") as work:
        return await work.documents.get(doc(number).document_id)


async def claim(records: Records, limit: int = 100, at: datetime = START, without: tuple[str, ...] = ()) -> list[Document]:
    async with records.database.open("acme") as work:
        return await work.documents.claim(limit, at, without=without)


async def finish(records: Records, *documents: Document) -> int:
    async with records.database.open("acme") as work:
        return await work.documents.finish(documents)


async def test_a_document_comes_back_as_it_was_put(records: Records) -> None:
    whole = doc(1, summary=SUMMARY, internal_summary=SUMMARY, state=DocState.INDEXED, indexed_at=START, presence=Presence.ARCHIVED)
    bare = doc(2, parts=(), tags=(), attributes={}, url=None, status=None, language="", title="")
    await put(records, whole, bare)
    assert await get(records, 1) == whole
    assert await get(records, 2) == bare
    assert await get(records, 3) is None


async def test_times_come_back_in_utc(records: Records) -> None:
    seoul = timezone(timedelta(hours=9))
    await put(records, doc(1, updated_at=datetime(2026, 3, 1, 18, 30, tzinfo=seoul)))
    stored = await get(records, 1)
    assert stored is not None
    assert stored.updated_at.isoformat() == "2026-03-01T09:30:00+00:00"


async def test_a_time_without_a_zone_is_a_bug(records: Records) -> None:
    with pytest.raises(Exception, match="time zone"):
        await put(records, doc(1, updated_at=datetime(2026, 3, 1)))  # noqa: DTZ001 - that is the point
    assert await get(records, 1) is None


async def test_versions_are_of_what_is_asked_for_and_not_deleted(records: Records) -> None:
    await put(records, *(doc(n) for n in range(150)), doc(900, connection_id="conn_2"), doc(901, doc_type=DocType.ARTICLE))
    async with records.database.open("acme") as work:
        await work.documents.mark_deleted(CONNECTION, DocType.TICKET, {"7": "deleted"}, START)
        await work.documents.touch({doc(8).document_id: "v2", "unknown": "v9"})
        found = await work.documents.versions(CONNECTION, DocType.TICKET, [str(n) for n in range(100)] + ["900", "901", "없음"])
    assert found.keys() == {str(n) for n in range(100)} - {"7"}
    assert found["6"] == ("v1", doc(6).content_hash)
    assert found["8"] == ("v2", doc(8).content_hash)


async def test_a_changed_document_is_to_be_processed_again_and_keeps_nothing_stale(records: Records) -> None:
    await put(records, doc(1))
    (claimed,) = await claim(records)
    failed = replace(claimed, state=DocState.FAILED, error_code="llm_unavailable", attempts=3, next_try_at=START, state_reason="모델 없음")
    assert await finish(records, failed) == 1
    changed = doc(1, text="카드가 거절됩니다", source_version="v2", title="새 제목")
    await put(records, changed)
    stored = await get(records, 1)
    assert stored == changed
    assert (changed.state, changed.attempts, changed.summary, changed.error_code) == (DocState.PENDING, 0, None, None)
    assert ids(await claim(records)) == ["1"]


async def test_a_claim_takes_newest_first_and_each_once(records: Records) -> None:
    await put(records, *(doc(n) for n in range(10)), doc(99, state=DocState.INDEXED))
    first = await claim(records, 3)
    assert ids(first) == ["9", "8", "7"]
    assert {d.state for d in first} == {DocState.PROCESSING}
    rest = await asyncio.gather(*(claim(records, 2) for _ in range(5)))
    assert sorted(n for some in rest for n in ids(some)) == ["0", "1", "2", "3", "4", "5", "6"]
    assert await claim(records, 0) == []


async def test_what_an_earlier_claim_still_works_on_is_left_to_a_later_one(records: Records) -> None:
    await put(records, doc(1), doc(2))
    earlier = [replace(each, state=DocState.INDEXED, indexed_at=START) for each in await claim(records)]
    async with records.database.open("acme") as work:
        await work.documents.reindex([doc(1).document_id])
    assert await claim(records, without=tuple(each.document_id for each in earlier)) == []
    assert await finish(records, *earlier) == 1
    assert ids(await claim(records)) == ["1"], "what it learned meanwhile is not taken for done"


async def test_a_failed_document_is_claimed_when_its_time_has_come(records: Records) -> None:
    due, later = START, START + timedelta(minutes=5)
    await put(
        records,
        doc(1, state=DocState.FAILED, next_try_at=later),
        doc(2, state=DocState.FAILED, next_try_at=due),
        doc(3, state=DocState.FAILED),
        doc(4),
    )
    assert ids(await claim(records, at=START)) == ["4", "2"]
    assert ids(await claim(records, at=later)) == ["1"]


async def test_an_older_result_never_overwrites_a_newer_version(records: Records) -> None:
    await put(records, doc(1), doc(2), doc(3))
    claimed = {d.original_id: d for d in await claim(records)}
    done = {n: replace(d, state=DocState.INDEXED, summary=SUMMARY, indexed_at=START, attempts=1) for n, d in claimed.items()}
    newer = doc(1, text="다른 내용")
    await put(records, newer)
    async with records.database.open("acme") as work:
        await work.documents.mark_deleted(CONNECTION, DocType.TICKET, {"2": "spam"}, START)
    assert await finish(records, *done.values(), doc(404)) == 1
    assert await get(records, 1) == newer
    assert await get(records, 3) == done["3"]
    deleted = await get(records, 2)
    assert deleted is not None
    assert deleted.state is DocState.DELETED
    assert await finish(records, done["3"]) == 0, "it is not processing any more"


async def test_what_a_killed_process_left_is_released(records: Records) -> None:
    await put(records, doc(1), doc(2), doc(3, state=DocState.SKIPPED))
    await claim(records)
    async with records.database.open("acme") as work:
        assert await work.documents.release() == 2
        assert await work.documents.release() == 0

    assert ids(await claim(records)) == ["2", "1"]


async def test_what_is_indexed_goes_back_when_the_index_was_lost(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.documents.put([doc(1, state=DocState.INDEXED, summary=SUMMARY), doc(2, state=DocState.SKIPPED), doc(3)])
        assert await work.documents.release(indexed=True) == 1
    async with records.database.open("acme") as work:
        states = {each.original_id: (each.state, each.summary) for each in (await work.documents.list())[0]}
    assert states == {"1": (DocState.PENDING, SUMMARY), "2": (DocState.SKIPPED, None), "3": (DocState.PENDING, None)}


async def test_a_deleted_document_is_a_tombstone_without_text(records: Records) -> None:
    await put(records, doc(1, summary=SUMMARY), doc(2), doc(3, connection_id="conn_2"))
    async with records.database.open("acme") as work:
        gone = await work.documents.mark_deleted(
            CONNECTION, DocType.TICKET, {"1": "deleted", "2": "spam", "3": "deleted", "4": "deleted"}, START
        )
        assert set(gone) == {doc(1).document_id, doc(2).document_id}
        assert await work.documents.mark_deleted(CONNECTION, DocType.TICKET, {"1": "deleted"}, START) == []
        assert await work.documents.mark_deleted(CONNECTION, DocType.TICKET, {}, START) == []
    stored = [await get(records, n) for n in (1, 2, 3)]
    assert [d and d.presence for d in stored] == [Presence.DELETED, Presence.SPAM, Presence.LIVE]
    tombstone = stored[0]
    assert tombstone is not None
    assert (tombstone.state, tombstone.title, tombstone.parts, tombstone.summary) == (DocState.DELETED, "", (), None)
    assert (tombstone.tags, tombstone.attributes, tombstone.requester, tombstone.url) == ((), {}, None, None)
    assert (tombstone.document_id, tombstone.original_id) == (doc(1).document_id, "1")
    async with records.database.open("acme") as work:
        buried = await work.documents.buried(CONNECTION, 10)
        assert buried == {doc(1).document_id: (DocType.TICKET, "1"), doc(2).document_id: (DocType.TICKET, "2")}
        await put(records, doc(1))
        await work.documents.erased(list(buried))
        assert await work.documents.buried(CONNECTION, 10) == {}
    assert ids(await claim(records)) == ["3", "1"], "a restored item is stored and processed anew"


async def test_find_prefers_what_is_there_and_new(records: Records) -> None:
    elsewhere = replace(doc(1), document_id="z", platform="zendesk", connection_id="conn_2", updated_at=START + timedelta(days=1))
    await put(records, doc(1), elsewhere)
    async with records.database.open("acme") as work:
        assert await work.documents.find("freshdesk", DocType.TICKET, "1") == doc(1)
        assert await work.documents.find(None, DocType.TICKET, "1") == elsewhere
        await work.documents.mark_deleted("conn_2", DocType.TICKET, {"1": "deleted"}, START)
        assert await work.documents.find(None, DocType.TICKET, "1") == doc(1)
        assert await work.documents.find(None, DocType.ARTICLE, "1") is None
        assert await work.documents.find("freshdesk", DocType.TICKET, "2") is None


async def test_get_many_leaves_unknown_ids_out(records: Records) -> None:
    many = [doc(n) for n in range(1_200)]
    await put(records, *many)
    async with records.database.open("acme") as work:
        found = await work.documents.get_many([d.document_id for d in many] + ["unknown"])
        assert await work.documents.get_many([]) == {}
    assert found == {d.document_id: d for d in many}


async def test_counts_name_every_state(records: Records) -> None:
    await put(records, doc(1), doc(2), doc(3, state=DocState.INDEXED), doc(4, connection_id="conn_2", state=DocState.FAILED))
    async with records.database.open("acme") as work:
        everything, one = await work.documents.counts(), await work.documents.counts("conn_2")
    assert set(everything) == set(one) == set(DocState)
    assert (everything[DocState.PENDING], everything[DocState.INDEXED], everything[DocState.FAILED]) == (2, 1, 1)
    assert (one[DocState.PENDING], one[DocState.FAILED]) == (0, 1)


async def pages(records: Records, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    after: str | None = None
    while True:
        async with records.database.open("acme") as work:
            page, after = await work.documents.list(limit=limit, after=after)
        found.append(ids(page))
        if after is None:
            return found


async def test_pages_follow_each_other_also_where_times_are_the_same(records: Records) -> None:
    tied = [doc(n, updated_at=START) for n in range(7)]
    newest = doc(50)
    await put(records, *tied, newest)
    in_order = ["50"] + [d.original_id for d in sorted(tied, key=lambda d: d.document_id, reverse=True)]
    for limit in (1, 3, 8, 9):
        assert [n for page in await pages(records, limit) for n in page] == in_order
    assert len(await pages(records, 8)) == 1, "no cursor to an empty page"


async def test_a_page_stays_where_it_was_when_newer_ones_arrive(records: Records) -> None:
    await put(records, *(doc(n) for n in range(4)))
    async with records.database.open("acme") as work:
        first, after = await work.documents.list(limit=2)
    await put(records, doc(99))
    async with records.database.open("acme") as work:
        second, _ = await work.documents.list(limit=2, after=after)
    assert (ids(first), ids(second)) == (["3", "2"], ["1", "0"])


async def test_lists_can_be_narrowed(records: Records) -> None:
    await put(
        records,
        doc(1, title="환불 50%_할인 REFUND"),
        doc(2, title="환불 문의", state=DocState.INDEXED),
        doc(3, doc_type=DocType.ARTICLE, title="Refund policy"),
        doc(4, connection_id="conn_2", title="배송"),
    )
    async with records.database.open("acme") as work:
        await work.documents.mark_deleted("conn_2", DocType.TICKET, {"4": "deleted"}, START)

        async def listed(**narrow: Any) -> list[str]:
            return ids((await work.documents.list(**narrow))[0])

        assert await listed() == ["3", "2", "1"]
        assert await listed(text="환불") == ["2", "1"]
        assert await listed(text="refund") == ["3", "1"]
        assert await listed(text="50%_할") == ["1"]
        assert await listed(text="0_") == []
        assert await listed(states=[DocState.INDEXED]) == ["2"]
        assert await listed(states=[DocState.DELETED]) == ["4"]
        assert await listed(doc_types=[DocType.ARTICLE]) == ["3"]
        assert await listed(connection_id="conn_2", states=[DocState.DELETED, DocState.PENDING]) == ["4"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "한글", "djF8eHx5", "djF8MjAyNi0wMS0wMXx4", "////", "a" * 500])
async def test_a_cursor_that_is_not_ours_is_refused(records: Records, cursor: str) -> None:
    async with records.database.open("acme") as work:
        with pytest.raises(AppError) as refused:
            await work.documents.list(after=cursor)
    assert refused.value.code is Code.INVALID_REQUEST


async def test_attachments_are_found_by_id_and_by_document(records: Records) -> None:
    one, two = doc(1), doc(2)
    files = [attachment("1", one), attachment("2", two), attachment("3", one, name="사진.png")]
    async with records.database.open("acme") as work:
        await work.attachments.put(files)
        await work.attachments.put([replace(files[1], size=99)])
        assert await work.attachments.get("freshdesk-2") == replace(files[1], size=99)
        assert await work.attachments.get("freshdesk-4") is None
        assert await work.attachments.of([one.document_id]) == [files[0], files[2]]
        assert len(await work.attachments.of([one.document_id, two.document_id, "x"])) == 3
        await work.attachments.delete([one.document_id])
        assert await work.attachments.of([one.document_id]) == []


async def test_the_newest_open_tickets_are_looked_for_among_the_last_updated(records: Records) -> None:
    indexed = DocState.INDEXED
    await put(
        records,
        *(doc(n, status=status, state=indexed) for n, status in enumerate(("open", "pending", "other", "resolved", "closed", None), 1)),
        doc(11, status="open"),
        doc(12, status="open", state=DocState.DELETED),
        doc(13, status="open", state=indexed, doc_type=DocType.ARTICLE),
    )
    async with records.database.open("acme") as work:
        assert await work.documents.newest_open(10) == [doc(n).document_id for n in (3, 2, 1)]
        assert await work.documents.newest_open(2) == [doc(n).document_id for n in (3, 2)]
        await work.documents.put([doc(n, status="closed", state=indexed) for n in range(20, 20 + LOOKED_AT - 3)])
        assert await work.documents.newest_open(1) == []
        assert await work.documents.newest_open(2) == [doc(n).document_id for n in (3, 2)]

"""What every store of answers, feedback and the audit log must do."""

import base64
from datetime import timedelta

import pytest
from msgspec.structs import replace

from backend.core.errors import AppError
from backend.core.model.feedback import Rating
from tests.contract.records import START, Records, answer, audit_entry, doc, thumb

LATER = START + timedelta(hours=1)


async def test_the_latest_thumb_of_a_caller_on_a_thing_counts(records: Records) -> None:
    one, two = doc(1), doc(2)
    async with records.database.open("acme") as work:
        await work.feedback.put_answer(answer("ans_1", one))
        assert await work.feedback.get_answer("ans_1") == answer("ans_1", one)
        assert await work.feedback.get_answer("ans_2") is None
        await work.feedback.put(thumb(Rating.UP, one))
        await work.feedback.put(thumb(Rating.DOWN, one, feedback_id="fb_2", at=LATER))
        await work.feedback.put(thumb(Rating.UP, one, caller="token:이영희", at=LATER))
        await work.feedback.put(thumb(Rating.UP, two))
        await work.feedback.put(thumb(Rating.UP, answer_id="ans_1"))
        given = await work.feedback.of_documents([one.document_id, "unknown"])
        assert {(f.caller, f.rating) for f in given} == {("key:k1", Rating.DOWN), ("token:이영희", Rating.UP)}
        await work.feedback.put(thumb(Rating.NONE, one))
        await work.feedback.put(thumb(Rating.NONE, doc(404)))
        assert [f.caller for f in await work.feedback.of_documents([one.document_id])] == ["token:이영희"]
        assert len(await work.feedback.of_documents([two.document_id])) == 1


async def test_thumbs_are_listed_newest_first(records: Records) -> None:
    one, two = doc(1), doc(2)
    async with records.database.open("acme") as work:
        first = thumb(Rating.UP, one, feedback_id="fb_1")
        together = [thumb(Rating.DOWN, each, feedback_id=f"fb_{n}", at=LATER, comment="별로예요") for n, each in ((2, one), (3, two))]
        for each in (first, replace(together[0], caller="token:이영희"), together[1]):
            await work.feedback.put(each)
        page, after = await work.feedback.list(limit=1)
        assert page == [together[1]]
        await work.feedback.put(thumb(Rating.UP, doc(3), feedback_id="fb_9", at=LATER + timedelta(hours=1)))
        rest = [replace(together[0], caller="token:이영희"), first]
        assert await work.feedback.list(after=after) == (rest, None), "what came meanwhile moves nothing"
        assert (await work.feedback.list(rating=Rating.DOWN))[0] == [together[1], rest[0]]
        assert [each.feedback_id for each in (await work.feedback.list(since=LATER))[0]] == ["fb_9", "fb_3", "fb_2"]
        with pytest.raises(AppError, match="cursor"):
            await work.feedback.list(after="nonsense")


async def test_audit_entries_come_newest_first(records: Records) -> None:
    entries = [audit_entry(0, "a.first"), audit_entry(0, "a.second"), audit_entry(5, "a.third")]
    async with records.database.open("acme") as work:
        for entry in entries:
            await work.audit.add(entry)
        assert await work.audit.list() == (entries[::-1], None)
        first, after = await work.audit.list(limit=2)
        assert first == entries[:0:-1]
        await work.audit.add(audit_entry(9, "a.later"))
        assert await work.audit.list(limit=2, after=after) == (entries[:1], None), "what came meanwhile moves nothing"
        made_up = [b"v1|0001-01-01T00:00:00+14:00|x", b"v1|2026-03-01T00:00:00|x", b"v2|2026-03-01T00:00:00+00:00|x"]
        for cursor in ("nonsense", *(base64.urlsafe_b64encode(text).decode().rstrip("=") for text in made_up)):
            with pytest.raises(AppError, match="cursor"):
                await work.audit.list(after=cursor)


async def test_audit_entries_are_found_by_who_what_and_when(records: Records) -> None:
    kim = replace(audit_entry(3, "document.read"), actor="token:김상담")
    entries = [audit_entry(0, "key.create"), audit_entry(2, "document.read"), kim]
    async with records.database.open("acme") as work:
        for entry in entries:
            await work.audit.add(entry)
        assert (await work.audit.list(actor="token:김상담"))[0] == [kim]
        assert (await work.audit.list(action="document.read"))[0] == [kim, entries[1]]
        page, after = await work.audit.list(action="document.read", limit=1)
        assert (page, await work.audit.list(action="document.read", after=after)) == ([kim], ([entries[1]], None))
        assert (await work.audit.list(actor="key:k1", action="key.create"))[0] == entries[:1]
        assert (await work.audit.list(since=entries[1].at, until=kim.at))[0] == [entries[1]]

"""What every store of erasures must do, and how texts beside Documents are gone through."""

import msgspec
from msgspec.structs import replace

from backend.core.model.budget import Purpose
from backend.core.model.erasure import ErasureState
from backend.core.model.feedback import Rating
from backend.core.model.job import Job, JobName
from backend.core.ports.erasures import TextPlace
from tests.contract.records import CONNECTION, Records, answer, doc, erasure, failure, thumb


async def test_erasures_are_kept_newest_first_and_tell_when_there_are_more_hashes(records: Records) -> None:
    first, second = erasure("erasure_1"), erasure("erasure_2", 5, attachments=True)
    async with records.database.open("acme") as work:
        assert (await work.erasures.list(), await work.erasures.version()) == ([], "")
        await work.erasures.put(first)
        one = await work.erasures.version()
        await work.erasures.put(second)
        two = await work.erasures.version()
        assert await work.erasures.list() == [second, first]
        assert await work.erasures.list(limit=1) == [second]
        assert await work.erasures.get("erasure_1") == first
        await work.erasures.put(replace(first, hashes=("a1b2", "c3d4")))
        three = await work.erasures.version()
        await work.erasures.put(replace(first, hashes=("a1b2", "c3d4"), state=ErasureState.DONE, person=None))
        assert len({"", one, two, three}) == 4
        assert await work.erasures.version() == three, "how it goes changes no mark"


async def test_who_is_being_erased_is_found_again_after_a_restart(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.erasures.put(erasure("erasure_1"))
        await work.erasures.put(erasure("erasure_2", state=ErasureState.DONE))
    async with records.database.open("other") as work:
        await work.erasures.put(erasure("erasure_1"))
    async with records.database.directory() as directory:
        found = [job for job in await directory.unfinished() if job.name is JobName.ERASE_PERSON]
    assert found == [Job(name=JobName.ERASE_PERSON, company_id=company, subject="erasure_1") for company in ("acme", "other")]


async def test_texts_are_gone_through_by_key_and_written_anew(records: Records) -> None:
    async with records.database.open("acme") as work:
        for number in range(5):
            await work.feedback.put_answer(answer(f"ans_{number}", doc(1)))
        first = await work.erasures.texts(TextPlace.ANSWERS, "", 2)
        rest = await work.erasures.texts(TextPlace.ANSWERS, first[-1].key, 10)
        assert [each.key for each in (*first, *rest)] == [f'["ans_{n}"]' for n in range(5)]
        told = msgspec.json.decode(first[0].data)
        changed = msgspec.json.encode(told | {"question": "[erased]"})
        assert await work.erasures.rewrite(TextPlace.ANSWERS, {first[0].key: changed, first[1].key: None, '["nobody"]': None}) == 2
        kept = await work.feedback.get_answer("ans_0")
        assert kept is not None
        assert kept.question == "[erased]"
        assert await work.feedback.get_answer("ans_1") is None


async def test_thumbs_the_quarantine_and_cached_results_too(records: Records) -> None:
    async with records.database.open("acme") as work:
        for caller in ("key:a", "token:김상담"):
            for number in (1, 2):
                await work.feedback.put(thumb(Rating.UP, doc(number), caller=caller))
        first, *others = await work.erasures.texts(TextPlace.FEEDBACK, "", 10)
        assert [each.key for each in await work.erasures.texts(TextPlace.FEEDBACK, first.key, 10)] == [each.key for each in others]
        await work.erasures.rewrite(TextPlace.FEEDBACK, {first.key: None})
        assert len((await work.feedback.list())[0]) == 3
        await work.sync.put_failures(CONNECTION, [failure("1"), failure("2")])
        [one, two] = await work.erasures.texts(TextPlace.FAILURES, "", 10)
        await work.erasures.rewrite(TextPlace.FAILURES, {one.key: msgspec.json.encode({"message": "m", "hint": {}, "raw": None})})
        by_id = {each.original_id: each for each in (await work.sync.list_failures(CONNECTION))[0]}
        assert (by_id["1"].raw, by_id["1"].message, dict(by_id["1"].hint)) == (None, "m", {})
        assert by_id["2"].raw == failure("2").raw
        assert [two] == list(await work.erasures.texts(TextPlace.FAILURES, one.key, 10))
        await work.usage.put_cached({"s": b'{"problem": "x"}', "t": b"\xff"}, Purpose.SUMMARY)
        await work.usage.put_cached({"v": b"\x00\x01"}, Purpose.EMBED_DOCUMENT)
        assert [each.key for each in await work.erasures.texts(TextPlace.CACHED, "", 10)] == ['["s"]', '["t"]']
        assert await work.erasures.rewrite(TextPlace.CACHED, {'["s"]': None, '["v"]': None}) == 2
        assert await work.usage.get_cached(["s", "t", "v"]) == {"t": b"\xff"}


async def test_purging_harms_nothing(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.documents.put([doc(1), doc(2)])
        await work.erasures.rewrite(TextPlace.ANSWERS, {})
    assert await records.database.purge()
    async with records.database.open("acme") as work:
        assert await work.documents.get(doc(1).document_id) == doc(1)

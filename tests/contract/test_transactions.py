"""Transactions: what is written together, what is undone together, and who waits for whom."""

import asyncio
from datetime import date

import pytest

from backend.core.model.document import DocState
from tests.contract.records import (
    Records,
    doc,
    job,
    run,
    usage_row,
)

DAY = date(2026, 3, 1)
ACME = doc(1).document_id


class StopHereError(Exception):
    """What a use case might raise."""


async def test_jobs_leave_after_the_commit(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.documents.put([doc(1)])
        work.enqueue(job("acme"))
        work.enqueue(job("acme", "둘"))
        assert records.sent == []
    assert records.sent == [job("acme"), job("acme", "둘")]


async def test_an_exception_undoes_everything_and_drops_the_jobs(records: Records) -> None:
    async def write() -> None:
        async with records.database.open("acme") as work:
            await work.documents.put([doc(1)])
            work.enqueue(job("acme"))
            raise StopHereError

    async def delete() -> None:
        async with records.database.directory() as directory:
            await directory.delete_tenant("acme")
            raise StopHereError

    for doing in (write, delete):
        with pytest.raises(StopHereError):
            await doing()
    assert records.sent == []
    async with records.database.open("acme") as work:
        assert await work.documents.get(ACME) is None
        await work.documents.put([doc(2)])


async def test_a_job_of_another_tenant_is_a_bug(records: Records) -> None:
    with pytest.raises(ValueError, match="tenant"):
        async with records.database.open("acme") as work:
            work.enqueue(job("other"))
    with pytest.raises(ValueError, match="empty"):
        async with records.database.open(""):
            pass


async def test_a_transaction_sees_its_own_writes_and_others_do_not(records: Records) -> None:
    async with records.database.open("acme") as writing, records.database.open("acme") as reading:
        assert await writing.documents.get(ACME) is None
        await writing.documents.put([doc(1)])
        assert await writing.documents.get(ACME) == doc(1)
        assert await reading.documents.get(ACME) is None, "and it does not wait for the writer"
    async with records.database.open("acme") as work:
        assert await work.documents.get(ACME) == doc(1)


async def test_fifty_writers_at_once_all_get_their_turn(records: Records) -> None:
    async def write(number: int) -> None:
        async with records.database.open("acme" if number % 2 else "other") as work:
            known = await work.documents.counts()
            await asyncio.sleep(0)
            await work.documents.put([doc(number, company=work.company_id)])
            await work.usage.add([usage_row()])
            assert sum((await work.documents.counts()).values()) > sum(known.values())

    await asyncio.gather(*(write(number) for number in range(50)))
    for company in ("acme", "other"):
        async with records.database.open(company) as work:
            assert (await work.documents.counts())[DocState.PENDING] == 25
            assert (await work.usage.list(DAY, DAY))[0].usage.calls == 25


async def test_with_write_what_is_read_and_written_back_loses_nothing(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.sync.put_run(run("run_1"))

    async def count_one() -> None:
        async with records.database.open("acme", write=True) as work:
            seen = await work.sync.get_run("run_1")
            assert seen is not None
            await asyncio.sleep(0.001)
            seen.counts.listed += 1
            await work.sync.put_run(seen)

    await asyncio.gather(*(count_one() for _ in range(20)))
    async with records.database.open("acme") as work:
        stored = await work.sync.get_run("run_1")
    assert stored is not None
    assert stored.counts.listed == run("run_1").counts.listed + 20


async def test_a_canceled_task_leaves_no_lock_behind(records: Records) -> None:
    async def write(number: int) -> None:
        async with records.database.open("acme") as work:
            await work.documents.put([doc(number)])
            await asyncio.sleep(0.005 * (number % 3))

    tasks = [asyncio.create_task(write(number)) for number in range(30)]
    for task in tasks:
        await asyncio.sleep(0.001)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(10):
        await write(99)
        async with records.database.open("acme") as work:
            assert await work.documents.get(doc(99).document_id) == doc(99)


async def test_ping_answers(records: Records) -> None:
    await records.database.ping()

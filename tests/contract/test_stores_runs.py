"""Runs and what they could not take, over every database: in order, page by page, and forgotten when they are old."""

from datetime import timedelta

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemFailure, RunState, Stream
from tests.contract.records import (
    CONNECTION,
    START,
    Records,
    failure,
    run,
)

LATER = START + timedelta(hours=1)


async def test_runs_come_newest_first(records: Records) -> None:
    runs = [run(f"run_{n}", RunState.COMPLETED, created_at=START + timedelta(minutes=n), error_message="끝") for n in range(5)]
    other = run("run_x", connection_id="conn_2", created_at=LATER)
    async with records.database.open("acme") as work:
        for one in [*runs, other]:
            await work.sync.put_run(one)
        newest, after = await work.sync.list_runs(limit=2)
        assert newest == [other, runs[4]]
        assert await work.sync.list_runs(limit=4, after=after) == (runs[3::-1], None), "the last page has no next one"
        assert await work.sync.list_runs(CONNECTION) == (runs[::-1], None)
        _, after = await work.sync.list_runs(CONNECTION, limit=2)
        assert (await work.sync.list_runs(CONNECTION, limit=1, after=after))[0] == [runs[2]]
        with pytest.raises(AppError) as refused:
            await work.sync.list_runs(after="run_3")
        assert refused.value.code is Code.INVALID_REQUEST
        assert await work.sync.get_run("run_3") == runs[3]
        assert await work.sync.get_run("run_9") is None


async def test_old_runs_are_forgotten_with_their_places_but_the_latest_and_what_is_active(records: Records) -> None:
    old = [run(f"run_{n}", RunState.COMPLETED, created_at=START + timedelta(minutes=n)) for n in range(6)]
    active = run("run_a", RunState.WAITING, created_at=START - timedelta(days=1))
    other = run("run_o", RunState.FAILED, connection_id="conn_2", created_at=START)
    async with records.database.open("acme") as work:
        for one in [*old, active, other]:
            await work.sync.put_run(one)
            await work.sync.put_cursor(one.connection_id, Cursor(stream=Stream.TICKETS), one.run_id)
        await work.sync.put_cursor(CONNECTION, Cursor(stream=Stream.TICKETS))
        before = START + timedelta(minutes=3)
        assert await work.sync.forget_runs(CONNECTION, before, keep=7, limit=10) == 0, "the latest stay"
        assert await work.sync.forget_runs("conn_2", LATER, keep=2, limit=10) == 0
        assert await work.sync.forget_runs(CONNECTION, before, keep=2, limit=2) == 2
        assert await work.sync.forget_runs(CONNECTION, before, keep=2, limit=2) == 1
        left, _ = await work.sync.list_runs(CONNECTION)
        assert [one.run_id for one in left] == ["run_5", "run_4", "run_3", "run_a"]
        assert await work.sync.forget_runs(CONNECTION, LATER, keep=2, limit=10) == 1
        assert await work.sync.get_cursor(CONNECTION, Stream.TICKETS, "run_0") is None
        assert await work.sync.get_cursor(CONNECTION, Stream.TICKETS, "run_a") is not None
        assert await work.sync.get_cursor(CONNECTION, Stream.TICKETS) is not None, "the connection's own place is no run's"
        assert await work.sync.get_run("run_o") == other


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.WAITING])
async def test_a_connection_has_one_active_run(records: Records, state: RunState) -> None:
    async with records.database.open("acme") as work:
        assert await work.sync.active_run(CONNECTION) is None
        await work.sync.put_run(run("run_1", state))
        await work.sync.put_run(run("run_2", connection_id="conn_2"))
        assert await work.sync.active_run(CONNECTION) == run("run_1", state)
    with pytest.raises(AppError) as refused:
        async with records.database.open("acme") as work:
            await work.sync.put_run(run("run_3", RunState.QUEUED))
    assert refused.value.code is Code.RUN_ACTIVE
    async with records.database.open("acme") as work:
        await work.sync.put_run(run("run_1", RunState.CANCELED))
        await work.sync.put_run(run("run_3", RunState.QUEUED))
        assert await work.sync.active_run(CONNECTION) == run("run_3", RunState.QUEUED)


async def test_a_repeated_failure_counts_its_attempts_and_goes_to_the_end(records: Records) -> None:
    async with records.database.open("acme") as work:
        await work.sync.put_failures(CONNECTION, [failure("1"), failure("2", at=START + timedelta(minutes=1))])
        await work.sync.put_failures(CONNECTION, [failure("1", at=LATER, code="source_item_not_found", message="없음", raw=None)])
        await work.sync.put_failures(CONNECTION, [])
        listed, _ = await work.sync.list_failures(CONNECTION)
        assert [(f.original_id, f.attempts) for f in listed] == [("2", 1), ("1", 2)]
        assert listed[1] == failure("1", at=LATER, code="source_item_not_found", message="없음", attempts=2)
        assert (await work.sync.list_failures(CONNECTION, limit=1))[0] == listed[:1]
        assert await work.sync.list_failures(CONNECTION, before=LATER) == (listed[:1], None)
        assert await work.sync.count_failures(CONNECTION) == 2
        assert await work.sync.get_failure(CONNECTION, DocType.TICKET, "1") == listed[1]
        assert await work.sync.get_failure(CONNECTION, DocType.ARTICLE, "1") is None
        assert await work.sync.get_failure("conn_2", DocType.TICKET, "1") is None
        await work.sync.clear_failures(CONNECTION, DocType.ARTICLE, ["1", "2"])
        await work.sync.clear_failures(CONNECTION, DocType.TICKET, ["1", "9"])
        assert [f.original_id for f in (await work.sync.list_failures(CONNECTION))[0]] == ["2"]


async def test_failures_are_read_page_by_page_also_where_many_are_of_one_moment(records: Records) -> None:
    at_once = [failure(f"{n} |가") for n in (3, 1, 2)]
    article = failure("1 |가", doc_type=DocType.ARTICLE)
    later = [failure("0", at=LATER)]
    async with records.database.open("acme") as work:
        await work.sync.put_failures(CONNECTION, [*later, *at_once, article])
        await work.sync.put_failures("conn_2", [failure("other")])
        everything, none = await work.sync.list_failures(CONNECTION)
        assert (len(everything), none) == (5, None)
        for limit in (1, 2, 3, 4):
            read: list[ItemFailure] = []
            after: str | None = None
            while True:
                page, after = await work.sync.list_failures(CONNECTION, limit, after=after)
                read += page
                if after is None:
                    break
                assert len(page) == limit
            assert read == everything, limit
        with pytest.raises(AppError) as refused:
            await work.sync.list_failures(CONNECTION, after="ticket")
        assert refused.value.code is Code.INVALID_REQUEST

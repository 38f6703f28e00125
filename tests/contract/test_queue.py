"""What every JobQueue must do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
import structlog

from backend.core.model.job import DEADLINES, Job, JobName, Line, preparing, processing
from backend.core.ports.queue import JobQueue
from backend.storage.inprocess.queue import InProcessQueue
from backend.storage.redis.queue import RedisQueue
from tests.contract.queues import Work, depth, job, quiet, until

QUEUES = ("inprocess", "redis")


@pytest.fixture(params=QUEUES)
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[int], JobQueue]]:
    made: list[JobQueue] = []
    kind: Callable[[int], JobQueue] = InProcessQueue
    if request.param == "redis":
        kind = partial(RedisQueue, request.getfixturevalue("redis_url"))

    def new(concurrency: int) -> JobQueue:
        made.append(kind(concurrency))
        return made[-1]

    yield new
    for queue in made:
        await queue.stop()
        if isinstance(queue, RedisQueue):
            await queue.close()


async def test_every_job_runs_once_and_never_more_than_allowed_at_once(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(3), Work()
    await queue.enqueue([job(str(n)) for n in range(20)])
    assert await queue.depth() == (20, 0), "nothing runs before the start"
    await queue.start(work)
    await quiet(queue)
    assert sorted(work.ended) == sorted(f"acme/{n}" for n in range(20))
    assert work.most <= 3


async def test_a_twin_that_waits_is_dropped(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(1), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job("first"), job("더"), job("더")])
    await queue.enqueue([job("더"), job("더", company="other"), job("더", name=JobName.SYNC_CONNECTION)])
    work.go.set()
    await quiet(queue)
    assert work.ended.count("acme/더") == 2, "one of each name"
    assert work.ended.count("other/더") == 1


async def test_a_twin_of_a_running_job_runs_once_more_after_it(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(4), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job("one")])
    await until(lambda: work.begun == ["acme/one"])
    for _ in range(5):
        await queue.enqueue([job("one")])
    assert await queue.depth() == (1, 1)
    assert work.begun == ["acme/one"], "never twice at the same time"
    work.go.set()
    await quiet(queue)
    assert work.ended == ["acme/one", "acme/one"]


async def test_a_tenant_with_many_jobs_does_not_delay_another(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(1), Work()
    await queue.enqueue([job(str(n)) for n in range(1_000)])
    await queue.enqueue([job("하나", company="other"), job("둘", company="other")])
    await queue.start(work)
    await quiet(queue)
    assert len(work.ended) == 1_002
    assert work.ended.index("other/하나") <= 1
    # While the end of its first job is still on its way to the queue, the others go on.
    assert work.ended.index("other/둘") <= 20


async def test_long_jobs_of_one_tenant_leave_a_place_for_another(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(3), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job(str(n)) for n in range(10)])
    await until(lambda: len(work.begun) == 2)
    await queue.enqueue([job("짧은 일", company="other")])
    await until(lambda: "other/짧은 일" in work.begun)
    work.go.set()
    await quiet(queue)
    assert len(work.ended) == 11


async def test_giants_in_every_place_do_not_delay_a_small_tenant(make: Callable[[int], JobQueue]) -> None:
    """A place beyond is there for whoever has nothing running, and only for them."""
    queue, work = make(4), Work(held=True)
    await queue.start(work)
    for giant in ("가", "나", "다", "라"):
        await queue.enqueue([job(str(n), company=giant) for n in range(50)])
    await until(lambda: len(work.begun) == 6)
    await queue.enqueue([job("다섯 티켓", company="small")])
    await until(lambda: "small/다섯 티켓" in work.begun)
    assert len(work.begun) == 7, "the giants wait behind themselves"
    work.go.set()
    await quiet(queue)
    assert work.most <= 8
    assert len(work.ended) == 201


async def test_what_a_new_tenant_has_stored_does_not_wait_for_the_syncs_of_giants(make: Callable[[int], JobQueue]) -> None:
    """Its own sync is still running too."""
    queue, work = make(4), Work(held=True)
    await queue.start(work)
    for giant in ("가", "나", "다", "라"):
        await queue.enqueue([job(str(n), company=giant, name=JobName.SYNC_CONNECTION) for n in range(5)])
        await queue.enqueue([processing(giant)])
    await queue.enqueue([job("첫", company="small", name=JobName.SYNC_CONNECTION)])
    await until(lambda: "small/첫" in work.begun)
    await queue.enqueue([processing("small")])
    await until(lambda: "small/all" in work.begun)
    work.go.set()
    await quiet(queue)
    assert len(work.ended) == 26


async def test_a_quick_job_does_not_stand_behind_long_ones(make: Callable[[int], JobQueue]) -> None:
    """Not even behind those of its own tenant, and the quick ones of many don't take each other's turns."""
    queue, work = make(2), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job(str(n), company=company) for company in ("가", "나", "small") for n in range(5)])
    await until(lambda: len(work.begun) == 3)
    assert "small/0" in work.begun
    await queue.enqueue([job("quick", company="small", line=Line.QUICK), job("3", company="small", line=Line.QUICK)])
    await until(lambda: "small/quick" in work.begun)
    await queue.enqueue([job("quick", company="other", line=Line.QUICK)])
    await until(lambda: "other/quick" in work.begun)
    assert "small/3" not in work.begun, "its twin waits in the other line"
    work.go.set()
    await quiet(queue)
    assert len(work.ended) == 17


async def test_what_nobody_waits_for_is_in_nobody_s_way(make: Callable[[int], JobQueue]) -> None:
    """However many tenants have such jobs, one of each at a time and few in all, and the places of the others stay free."""
    queue, work = make(2), Work(held=True)
    await queue.start(work)
    await queue.enqueue([preparing(company) for company in ("가", "나", "다", "라")])
    await until(lambda: len(work.begun) == 2)
    await queue.enqueue([processing("acme"), job("1"), job("quick", line=Line.QUICK)])
    await until(lambda: {"acme/all", "acme/1", "acme/quick"} <= set(work.begun))
    assert len(work.begun) == 5
    work.go.set()
    await quiet(queue)
    assert len(work.ended) == 7


async def test_what_gives_no_sign_of_life_is_canceled_and_runs_anew(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(1), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job("hung"), job("waits")])
    await until(lambda: work.begun == ["acme/hung"])
    assert not await queue.hand_on(job("waits")), "it only waits for its turn"
    assert await queue.hand_on(job("hung"))
    work.go.set()
    await quiet(queue)
    assert work.begun.count("acme/hung") == 2
    assert sorted(work.ended) == ["acme/hung", "acme/waits"]
    assert await queue.hand_on(job("lost"))
    await quiet(queue)
    assert work.ended[-1] == "acme/lost"


async def test_a_number_says_when_to_run_again(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(2), Work()
    work.answers["again"] = [0.01, 0.0, None]
    await queue.start(work)
    await queue.enqueue([job("again")])
    await quiet(queue)
    assert work.ended == ["acme/again"] * 3


async def test_a_job_that_waits_for_its_time_runs_at_once_when_asked_for(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(2), Work()
    work.answers["later"] = [3_600.0, None]
    await queue.start(work)
    await queue.enqueue([job("later")])
    await until(lambda: work.ended == ["acme/later"])
    await depth(queue, (1, 0))
    await queue.enqueue([job("later")])
    await quiet(queue)
    assert work.ended == ["acme/later"] * 2


async def test_stopping_cancels_what_runs_and_a_start_goes_on(make: Callable[[int], JobQueue]) -> None:
    queue, work = make(2), Work(held=True)
    canceled: list[str] = []

    async def handler(job: Job) -> float | None:
        try:
            return await work(job)
        except asyncio.CancelledError:
            canceled.append(job.subject)
            raise

    await queue.start(handler)
    await queue.enqueue([job("a"), job("b"), job("c", company="other")])
    await until(lambda: len(work.begun) == 2)
    await queue.stop()
    await queue.stop()
    assert len(canceled) == 2
    assert (await queue.depth())[1] == 0
    work.go.set()
    await queue.start(work)
    await queue.enqueue([job("e")])
    await quiet(queue)
    assert "acme/e" in work.ended
    assert len(work.ended) == len(set(work.ended))


async def test_a_bug_in_a_job_is_told_and_the_queue_goes_on(make: Callable[[int], JobQueue]) -> None:
    queue = make(1)
    ended: list[str] = []

    async def handler(job: Job) -> float | None:
        if job.subject == "bad":
            raise RuntimeError("버그")
        if job.subject == "slow":
            raise TimeoutError
        ended.append(job.subject)
        return None

    with structlog.testing.capture_logs() as lines:
        await queue.start(handler)
        await queue.enqueue([job("bad"), job("slow"), job("good")])
        await quiet(queue)
    assert ended == ["good"]
    assert [(line["event"], line["subject"]) for line in lines] == [("job_failed", "bad"), ("job_failed", "slow")]
    assert isinstance(lines[0]["exc_info"], RuntimeError)


async def test_a_job_past_its_deadline_is_canceled_and_told(make: Callable[[int], JobQueue], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEADLINES, JobName.PROCESS_DOCUMENTS, 0.01)
    queue, work = make(1), Work(held=True)
    with structlog.testing.capture_logs() as lines:
        await queue.start(work)
        await queue.enqueue([job("stuck")])
        await quiet(queue)
    assert work.ended == []
    assert [line["event"] for line in lines] == ["job_deadline_passed"]


async def test_a_job_does_not_inherit_what_is_bound_to_a_request(make: Callable[[int], JobQueue]) -> None:
    queue = make(1)
    seen: list[dict[str, object]] = []

    async def handler(_job: Job) -> float | None:
        seen.append(structlog.contextvars.get_contextvars())
        return None

    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        await queue.start(handler)
        await queue.enqueue([job("one")])
    await quiet(queue)
    assert seen == [{}]

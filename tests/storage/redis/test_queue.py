"""The queue in Redis beside the contract: several processes, one that dies, lines, an emptied Redis, what lies in it."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import orjson
import pytest
from redis.asyncio import Redis

from backend.core.errors import AppError, Code
from backend.core.model.job import Job, JobName, Line
from backend.storage.redis.queue import RedisQueue
from tests.contract.queues import Work, job, quiet, until
from tests.servers.redis import own_server

Make = Callable[..., RedisQueue]


@pytest.fixture
async def make(redis_url: str) -> AsyncIterator[Make]:
    """Queues as separate processes have them."""
    made: list[RedisQueue] = []

    def new(concurrency: int = 2, lease: float = 10.0) -> RedisQueue:
        made.append(RedisQueue(redis_url, concurrency, lease))
        return made[-1]

    yield new
    for queue in made:
        await queue.stop()
        await queue.close()


@contextlib.asynccontextmanager
async def _client(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url)
    yield client
    await client.aclose()


async def _dies(queue: RedisQueue) -> None:
    """From now on the queue gives no sign of life and hands nothing back; what it runs goes on, as in a process that hangs."""
    for worker in queue._workers.values():
        worker._stopping = True
    await asyncio.gather(*queue._loops)
    queue._loops = []


async def test_a_twin_of_another_process_is_a_twin_and_a_job_runs_in_one_place(make: Make) -> None:
    one, two, work = make(), make(), Work(held=True)
    await one.start(work)
    await two.start(work)
    for queue in (one, two, one):
        await queue.enqueue([job("하나"), job("둘"), job("셋", company="other")])
    await until(lambda: len(work.begun) == 3)
    assert (await one.depth())[1] == 3
    work.go.set()
    await quiet(two)
    assert sorted(set(work.ended)) == ["acme/둘", "acme/하나", "other/셋"]
    assert work.most <= 3, "never twice at the same time"


async def test_what_a_dead_process_ran_is_taken_over_and_what_hung_ends(make: Make) -> None:
    dead, alive = make(lease=0.3), make(lease=0.3)
    hung, work = Work(held=True), Work()
    await dead.start(hung)
    await dead.enqueue([job("하나"), job("둘", company="other")])
    await until(lambda: len(hung.begun) == 2)
    await _dies(dead)
    await alive.start(work)
    await until(lambda: sorted(work.ended) == ["acme/하나", "other/둘"])
    await quiet(alive)


async def test_who_was_taken_over_from_cancels_its_run(make: Make, redis_url: str) -> None:
    queue, work = make(lease=1.0), Work(held=True)
    canceled: list[str] = []

    async def handler(job: Job) -> float | None:
        try:
            return await work(job)
        except asyncio.CancelledError:
            canceled.append(job.subject)
            raise

    await queue.start(handler)
    await queue.enqueue([job("하나")])
    await until(lambda: len(work.begun) == 1)
    async with _client(redis_url) as client:
        await cast("Awaitable[int]", client.hset("desklore:jobs:owners", job("하나").key, "another process"))
    await until(lambda: canceled == ["하나"])


async def test_a_process_that_had_no_processor_for_a_while_does_not_run_its_own_job_twice(make: Make) -> None:
    queue, begun = make(lease=0.2), list[str]()
    may_end, looked = asyncio.Event(), asyncio.Event()

    async def handler(each: Job) -> None:
        begun.append(each.subject)
        if each.subject == "뒤":
            looked.set()
            return
        if len(begun) == 1:
            # Nothing else of the process runs meanwhile, no beat either, so the lease of this very job ends.
            queue._workers[Line.BULK]._beat_at = math.inf
            await queue.depth()
            time.sleep(0.5)  # noqa: ASYNC251 - to hold the loop up is the point
        await may_end.wait()

    await queue.start(handler)
    await queue.enqueue([job("앞")])
    await until(lambda: bool(begun))
    # Whoever takes the second one has looked for jobs after the first one's lease was over.
    await queue.enqueue([job("뒤", company="other")])
    await looked.wait()
    await queue.enqueue([job("앞")])
    may_end.set()
    await quiet(queue)
    assert begun == ["앞", "뒤", "앞"], "once, and once more because it was asked for while it ran"


async def test_a_job_is_handed_on_from_another_process(make: Make) -> None:
    runs, asks, work = make(), make(), Work(held=True)
    await runs.start(work)
    await runs.enqueue([job("hung")])
    await until(lambda: len(work.begun) == 1)
    assert await asks.hand_on(job("hung"))
    await until(lambda: len(work.begun) == 2)
    assert await runs.depth() == (0, 1)
    work.go.set()
    await quiet(runs)
    assert work.ended == ["acme/hung"]


async def test_stopping_hands_back_at_once(make: Make) -> None:
    first, second, work = make(), make(), Work(held=True)
    await first.start(work)
    await first.enqueue([job("하나"), job("둘"), job("셋")])
    await until(lambda: len(work.begun) == 2)
    await first.stop()
    assert await first.depth() == (3, 0)
    work.go.set()
    await second.start(work)
    await quiet(second)
    assert sorted(work.ended) == ["acme/둘", "acme/셋", "acme/하나"]


async def test_a_quick_job_never_stands_behind_bulk_ones(make: Make) -> None:
    queue, work = make(1), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job(f"bulk {number}", company="giant") for number in range(20)])
    await queue.enqueue([job("bulk", company="other")])
    await until(lambda: len(work.begun) == 2)
    await queue.enqueue([Job(name=JobName.SYNC_CONNECTION, company_id="giant", subject="quick", line=Line.QUICK)])
    await until(lambda: "giant/quick" in work.begun)
    work.go.set()
    await quiet(queue)


async def test_an_emptied_redis_is_noticed_and_a_lease_comes_back(make: Make, redis_url: str) -> None:
    queue, work = make(lease=1.0), Work(held=True)
    await queue.start(work)
    await queue.enqueue([job("하나"), job("둘"), job("셋")])
    await until(lambda: len(work.begun) == 2)
    await asyncio.wait_for(queue.rest(0.2), 10)
    resting = asyncio.create_task(queue.rest(3_600))
    async with _client(redis_url) as client:
        await client.flushdb()
        await asyncio.wait_for(resting, 20)
        async with asyncio.timeout(20):
            while (await queue.depth())[1] < 2:
                await asyncio.sleep(0.02)
    await queue.enqueue([job("하나"), job("둘"), job("셋")])
    assert len(work.begun) == 2, "what still runs is not begun a second time"
    work.go.set()
    await quiet(queue)
    assert "acme/셋" in work.ended


async def test_payloads_are_json_and_keys_tell_their_tenant(make: Make, redis_url: str) -> None:
    await make().enqueue([job("하나"), job("둘", company="other")])
    async with _client(redis_url) as client:
        names = sorted([name.decode() async for name in client.scan_iter("*")])
        payload = orjson.loads(await client.get("arq:job:acme:process_documents:하나"))
    assert payload["f"] == "process_documents"
    assert payload["a"] == [{"name": "process_documents", "company_id": "acme", "subject": "하나", "line": "bulk"}]
    assert [name for name in names if not name.startswith("desklore:jobs:bulk")] == [
        "arq:job:acme:process_documents:하나",
        "arq:job:other:process_documents:둘",
    ]


async def test_while_redis_is_away_nothing_raises_but_what_asks_for_an_answer() -> None:
    with own_server() as server:
        queue, work = RedisQueue(server.url(), 2), Work()
        server.kill()
        await queue.start(work)
        await queue.enqueue([job("lost")])
        for asked in (queue.depth, lambda: queue.hand_on(job("lost"))):
            with pytest.raises(AppError) as caught:
                await asked()
            assert caught.value.code is Code.SHARED_STATE_UNAVAILABLE
        server.start()
        async with asyncio.timeout(20):
            while not work.ended:
                # What the sweeper does.
                await queue.enqueue([job("found again")])
                await asyncio.sleep(0.05)
        await queue.stop()
        await queue.close()


async def test_what_another_version_left_is_forgotten_and_holds_up_nothing(make: Make, redis_url: str) -> None:
    queue, work = make(), Work()
    async with _client(redis_url) as client:
        for name in ("fold_documents", "process_documents"):
            payload = orjson.dumps({"t": 1, "f": name, "a": [{"name": name, "company": "acme"}], "k": {}, "et": 1})
            for number in range(20):
                await client.set(f"arq:job:acme:{name}:{number}", payload)
                await client.zadd("desklore:jobs:bulk", {f"acme:{name}:{number}": number})
    await queue.enqueue([job("known")])
    await queue.start(work)
    await until(lambda: work.ended == ["acme/known"])
    async with asyncio.timeout(20):
        while await queue.depth() != (0, 0):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("command", ["REPLICAOF 127.0.0.1 1", "CONFIG SET maxmemory 1"])
async def test_a_redis_that_takes_no_writes_is_told(command: str) -> None:
    with own_server() as server:
        queue = RedisQueue(server.url(), 2)
        assert await queue.depth() == (0, 0)
        async with _client(server.url()) as client:
            await client.execute_command(*command.split())  # type: ignore[no-untyped-call]  # of redis-py
        with pytest.raises(AppError) as caught:
            await queue.depth()
        assert caught.value.code is Code.SHARED_STATE_UNAVAILABLE
        await queue.close()


async def test_processes_share_what_one_of_them_could_take_alone_and_what_a_dead_one_leaves(make: Make, redis_url: str) -> None:
    one, two = make(4), make(4)
    works = Work(held=True), Work(held=True)
    await one.start(works[0])
    await two.start(works[1])
    async with _client(redis_url) as client:
        async with asyncio.timeout(30):
            while await cast("Awaitable[int]", client.hlen("desklore:jobs:bulk:free")) < 2:
                await asyncio.sleep(0.01)
    await one.enqueue([job(str(number), company=f"company-{number}") for number in range(6)])
    await until(lambda: len(works[0].begun) + len(works[1].begun) == 6)
    assert {len(each.begun) for each in works} == {3}
    await _dies(two)
    await one.enqueue([job(str(number), company=f"company-{number}") for number in range(6, 10)])
    await until(lambda: len(works[0].begun) == 7)
    for work in works:
        work.go.set()

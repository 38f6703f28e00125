"""What all streams must do: read from anywhere, by tenant, ended and kept for a while, canceled, told where nobody writes any more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from backend.core.errors import AppError, Code
from backend.core.model.stream import Event, Stream
from backend.core.model.tenant import Scope
from backend.core.ports.streams import Streams
from backend.storage.inprocess.streams import InProcessStreams
from backend.storage.redis.streams import RedisStreams
from tests.servers.redis import own_server

Make = Callable[..., Any]


def _event(text: str) -> Event:
    return Event(name="token", data=text.encode())


def _stream(stream_id: str = "s1") -> Stream:
    return Stream(stream_id=stream_id, owner="key/", scopes=frozenset({Scope.QUERY}))


class Canceled:
    """Hears of a cancellation."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def __call__(self) -> None:
        self.heard.set()


def _nobody() -> None:
    raise AssertionError("nobody cancels this one")


async def _texts(streams: Streams, stream_id: str = "s1", after: int = 0, company_id: str = "acme") -> list[str]:
    return [event.data.decode() async for event in streams.read(company_id, stream_id, after)]


async def _code(streams: Streams, *, after: int = 0) -> str:
    with pytest.raises(AppError) as caught:
        await asyncio.wait_for(_texts(streams, after=after), 20)
    return caught.value.code


@pytest.fixture(params=("inprocess", "redis", "another process"))
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """`make()` gives who writes and who reads: the same, or two processes on one Redis."""
    made: list[InProcessStreams | RedisStreams] = []

    def one(options: dict[str, Any]) -> InProcessStreams | RedisStreams:
        if request.param == "inprocess":
            made.append(InProcessStreams(**options))
        else:
            kept = {name: value for name, value in options.items() if name == "kept_seconds"}
            made.append(RedisStreams(request.getfixturevalue("redis_url"), InProcessStreams(**options), **kept))
        return made[-1]

    def pair(**options: Any) -> tuple[Streams, Streams]:
        writing = one(options)
        return writing, (one(options) if request.param == "another process" else writing)

    yield pair
    for each in made:
        await each.close()


async def test_it_is_read_from_anywhere_while_it_is_written_and_afterwards(make: Make) -> None:
    writing, reading = make()
    writer = await writing.begin("acme", _stream(), _nobody)
    writer.append(_event("환불은 "))
    assert await reading.look("acme", "s1") is not None
    whole, rest = asyncio.ensure_future(_texts(reading)), asyncio.ensure_future(_texts(reading, after=2))
    for text in ("3일 ", "안에 ", "됩니다."):
        writer.append(_event(text))
        await asyncio.sleep(0)
    assert not whole.done()
    await writer.end()
    assert await asyncio.wait_for(whole, 20) == ["환불은 ", "3일 ", "안에 ", "됩니다."]
    assert await asyncio.wait_for(rest, 20) == ["안에 ", "됩니다."]
    assert await _texts(reading, after=3) == ["됩니다."]
    assert await _texts(reading, after=4) == []
    for streams in (writing, reading):
        state = await streams.look("acme", "s1")
        assert state is not None
        assert (state.stream, state.last, state.ended) == (_stream(), 4, True)


async def test_tenants_have_their_own(make: Make) -> None:
    writing, reading = make()
    canceled = Canceled()
    own = await writing.begin("acme", _stream(), _nobody)
    other = await writing.begin("bravo", _stream(), canceled)
    own.append(_event("acme"))
    other.append(_event("bravo"))
    await own.end()
    assert await reading.look("charlie", "s1") is None
    assert await reading.look("acme", "s1") is not None
    await reading.cancel("charlie", "s1")
    await reading.cancel("bravo", "s1")
    await asyncio.wait_for(canceled.heard.wait(), 20)
    await other.end()
    assert await _texts(reading) == ["acme"]
    assert await _texts(reading, company_id="bravo") == ["bravo"]
    await reading.drop("acme")
    assert await reading.look("acme", "s1") is None
    assert await _texts(reading, company_id="bravo") == ["bravo"]


async def test_a_deleted_tenants_streams_stop_wherever_they_are_written(make: Make) -> None:
    writing, reading = make()
    canceled = Canceled()
    writer = await writing.begin("acme", _stream(), canceled)
    writer.append(_event("비밀"))
    assert await reading.look("acme", "s1") is not None
    await reading.drop("acme")
    await asyncio.wait_for(canceled.heard.wait(), 20)
    writer.append(_event("more"))
    await writer.end()
    for streams in (writing, reading):
        assert await streams.look("acme", "s1") is None


async def test_what_ended_is_kept_for_a_while_only(make: Make) -> None:
    writing, reading = make(kept_seconds=0.05)
    writer = await writing.begin("acme", _stream(), _nobody)
    writer.append(_event("a"))
    await writer.end()
    async with asyncio.timeout(20):
        while await reading.look("acme", "s1") is not None:
            await asyncio.sleep(0.01)


async def test_who_is_too_far_behind_is_told(make: Make) -> None:
    writing, reading = make(max_bytes=1_000)
    writer = await writing.begin("acme", _stream(), _nobody)
    for number in range(20):
        writer.append(_event(f"{number:0200}"))
    await writer.end()
    assert await _code(reading) == Code.STREAM_NOT_FOUND
    assert [int(text) for text in await _texts(reading, after=18)] == [18, 19]


async def test_a_cancel_after_the_end_does_nothing(make: Make) -> None:
    writing, reading = make()
    writer = await writing.begin("acme", _stream(), _nobody)
    await writer.end()
    await reading.cancel("acme", "s1")
    await reading.cancel("acme", "unknown")
    assert await _texts(reading) == []


async def test_many_at_once_keep_their_order(make: Make) -> None:
    writing, reading = make()
    writers = {f"s{number}": await writing.begin("acme", _stream(f"s{number}"), _nobody) for number in range(20)}
    for number in range(50):
        for name, writer in writers.items():
            writer.append(_event(f"{name}/{number}"))
        await asyncio.sleep(0)
    await asyncio.gather(*(writer.end() for writer in writers.values()))
    for name in writers:
        assert await _texts(reading, name) == [f"{name}/{number}" for number in range(50)]


async def test_those_that_ended_first_make_room() -> None:
    streams = InProcessStreams(ended_bytes=1_000)
    for number in range(5):
        writer = await streams.begin("acme", _stream(f"s{number}"), _nobody)
        writer.append(_event("x" * 300))
        await writer.end()
    assert [await streams.look("acme", f"s{number}") is not None for number in range(5)] == [False, False, False, True, True]
    await streams.close()


async def test_a_process_that_died_leaves_an_interrupted_stream(redis_url: str) -> None:
    dying = RedisStreams(redis_url, InProcessStreams(), lease_seconds=0.3)
    reading = RedisStreams(redis_url, InProcessStreams(), lease_seconds=0.3)
    (await dying.begin("acme", _stream(), _nobody)).append(_event("half"))
    assert await reading.look("acme", "s1") is not None
    # A process that is killed says nothing more, and its end is not written.
    await dying.close()
    assert await _code(reading) == Code.STREAM_INTERRUPTED
    await reading.close()


async def test_an_emptied_redis_gets_the_stream_back(redis_url: str) -> None:
    writing, reading = (RedisStreams(redis_url, InProcessStreams()) for _ in range(2))
    writer = await writing.begin("acme", _stream(), _nobody)
    writer.append(_event("a"))
    assert await reading.look("acme", "s1") is not None
    following = asyncio.ensure_future(_texts(reading))
    client = Redis.from_url(redis_url)
    await client.flushdb()
    await client.aclose()
    writer.append(_event("b"))
    await writer.end()
    assert await asyncio.wait_for(following, 20) == ["a", "b"]
    assert await _texts(reading) == ["a", "b"]
    for streams in (writing, reading):
        await streams.close()


async def test_while_redis_is_away_readers_of_this_process_miss_nothing() -> None:
    with own_server() as server:
        writing, reading = (RedisStreams(server.url(), InProcessStreams()) for _ in range(2))
        writer = await writing.begin("acme", _stream(), _nobody)
        writer.append(_event("a"))
        assert await reading.look("acme", "s1") is not None
        server.kill()
        following = asyncio.ensure_future(_texts(writing))
        writer.append(_event("b"))
        with pytest.raises(AppError, match="Redis"):
            await reading.look("acme", "s1")
        await writer.end()
        assert await asyncio.wait_for(following, 20) == ["a", "b"]
        assert await _texts(writing, after=1) == ["b"], "it is kept here as long as Redis has not got it"
        for streams in (writing, reading):
            await streams.close()

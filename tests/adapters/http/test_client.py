"""Calls with their retries, the verdict table and the shared quota, against a server that misbehaves."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest

from backend.adapters.freshdesk.errors import FRESHDESK
from backend.adapters.http.client import HttpClient, Patience
from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.quota import Lane
from backend.core.model.tenant import Secret
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from tests.adapters.scripted import Reply, Request, Scripted, as_json, scripted

KEY = "Basic c2VjcmV0LWtleQ=="


def client_of(server: Scripted, *, attempts: int = 3, seconds: float = 5.0, longest_wait: float = 60.0, concurrency: int = 4) -> HttpClient:
    origin = Origin("http", "127.0.0.1", server.port)
    patience = Patience(seconds=seconds, attempts=attempts, longest_wait=longest_wait)
    return HttpClient(
        FRESHDESK,
        Guard(origin, frozenset()),
        authorization=Secret(KEY),
        patience=patience,
        spender=InProcessBudgets(concurrency).join("account", Lane.INCREMENTAL),
    )


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """Each reply once, then the last one for good."""
    line: Iterator[Reply] = iter(replies)
    last = replies[-1]
    return lambda _request: next(line, last)


async def test_reads_json_and_learns_the_quota() -> None:
    async with scripted(lambda _: as_json({"주문": "확인"}, X_Ratelimit_Total="100.0", X_Ratelimit_Remaining="97")) as server:
        client = client_of(server)
        answer = await client.get("/api/v2/tickets/1")
        assert answer.value == {"주문": "확인"}
        view = client.spender.look()
        assert (view.limit, view.remaining, client.calls) == (100, 97, 1)
        assert server.asked[0].headers["authorization"] == KEY
        await client.close()


async def test_keeps_connections_and_never_has_more_than_allowed() -> None:
    async with scripted(lambda _: Reply(delay=0.005)) as server:
        client = client_of(server, concurrency=3)
        await asyncio.gather(*(client.get(f"/x/{n}") for n in range(30)))
        assert client.calls == 30
        assert len(server.connections) <= 3
        await client.close()


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Reply(503), id="503"),
        pytest.param(Reply(500, b"<html>oops</html>", {"Content-Type": "text/html"}), id="500 html"),
        pytest.param(Reply(body=b'{"a": [1, 2', stated=200, hang_up=True), id="connection breaks in the body"),
        pytest.param(Reply(body=b'{"a": [1, 2'), id="truncated JSON"),
        pytest.param(Reply(body=b"<html>maintenance</html>", headers={"Content-Type": "text/html"}), id="web page"),
        pytest.param(Reply(raw=b"", hang_up=True), id="hangs up"),
        pytest.param(Reply(raw=b"\x00\x01garbage\r\n\r\n", hang_up=True), id="not HTTP"),
        pytest.param(Reply(body=b"\xff\xfe{}"), id="not UTF-8"),
        pytest.param(Reply(body=gzip.compress(b'{"a": 1}')[:-6], headers={"Content-Encoding": "gzip"}), id="broken gzip"),
    ],
)
async def test_tries_again_what_may_pass(bad: Reply) -> None:
    async with scripted(in_turn(bad, as_json({"ok": True}))) as server:
        client = client_of(server)
        assert (await client.get("/x")).value == {"ok": True}
        assert client.calls == 2
        await client.close()


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Reply(502), Code.SOURCE_UNAVAILABLE),
        (Reply(body=b'{"a": [1, 2'), Code.SOURCE_MALFORMED),
        (Reply(body=b""), Code.SOURCE_MALFORMED),
        (Reply(body=b"<!doctype html>", headers={"Content-Type": "text/html"}), Code.SOURCE_MALFORMED),
        (Reply(body=b"{", stated=9, hang_up=True), Code.SOURCE_UNAVAILABLE),
        (Reply(delay=1), Code.SOURCE_UNAVAILABLE),
    ],
)
async def test_names_the_cause_when_it_gives_up(bad: Reply, code: Code) -> None:
    async with scripted(lambda _: bad) as server:
        client = client_of(server, attempts=2, seconds=0.3)
        with pytest.raises(AppError) as caught:
            await client.get("/x")
        assert caught.value.code is code
        assert client.calls == 2
        await client.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 415, 422])
async def test_never_repeats_what_can_not_pass(status: int) -> None:
    async with scripted(lambda _: as_json({"code": "x"}, status)) as server:
        client = client_of(server)
        with pytest.raises(AppError):
            await client.get("/x")
        assert client.calls == 1
        await client.close()


async def test_unpacks_gzip() -> None:
    packed = gzip.compress(json.dumps({"a": "가" * 1000}).encode())
    async with scripted(lambda _: Reply(body=packed, headers={"Content-Encoding": "gzip"})) as server:
        client = client_of(server)
        assert (await client.get("/x")).value == {"a": "가" * 1000}
        await client.close()


async def test_reads_chunked_answers_and_those_that_end_with_the_connection() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    until_end = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[3]"
    async with scripted(in_turn(Reply(raw=chunked), Reply(raw=until_end, hang_up=True))) as server:
        client = client_of(server)
        assert (await client.get("/x")).value == [1, 2]
        assert (await client.get("/x")).value == [3]
        assert client.calls == 2
        await client.close()


async def test_a_connection_that_died_idle_costs_no_attempt() -> None:
    dead = Reply(raw=b"", hang_up=True)
    async with scripted(in_turn(Reply(), dead, as_json([1]), dead, dead, as_json([2]))) as server:
        client = client_of(server, attempts=1)
        await client.get("/x")
        assert (await client.get("/x")).value == [1]
        assert client.calls == 3
        with pytest.raises(AppError) as caught:
            await client.get("/x")
        assert caught.value.code is Code.SOURCE_UNAVAILABLE
        assert (await client.get("/x")).value == [2]
        await client.close()


async def test_an_answer_that_is_too_large_is_not_read() -> None:
    bomb = gzip.compress(b"0" * 65_000_000, compresslevel=1)
    async with scripted(lambda _: Reply(body=bomb, headers={"Content-Encoding": "gzip"})) as server:
        client = client_of(server)
        with pytest.raises(AppError) as caught:
            await client.get("/x")
        assert caught.value.code is Code.SOURCE_MALFORMED
        assert client.calls == 1
        await client.close()


async def test_a_server_that_is_not_there() -> None:
    async with scripted(lambda _: Reply()) as server:
        client = client_of(server, attempts=2)
    with pytest.raises(AppError) as caught:
        await client.get("/x")
    assert caught.value.code is Code.SOURCE_UNAVAILABLE
    assert "ConnectionRefusedError" in caught.value.message
    assert client.calls == 0
    await client.close()


async def test_one_429_makes_everybody_wait() -> None:
    async with scripted(in_turn(Reply(429, headers={"Retry-After": "0.3"}), as_json([]))) as server:
        client = client_of(server, concurrency=1)
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(client.get(f"/{n}") for n in range(5)))
        assert asyncio.get_running_loop().time() - started >= 0.3
        assert client.calls == 6
        assert client.spender.look().waited_seconds == pytest.approx(0.3, abs=0.2)
        await client.close()


async def test_a_long_wait_is_left_to_the_run() -> None:
    async with scripted(lambda _: Reply(429, headers={"Retry-After": "900"})) as server:
        client = client_of(server)
        for calls in (1, 1):
            with pytest.raises(AppError) as caught:
                await client.get("/x")
            assert caught.value.code is Code.SOURCE_RATE_LIMITED
            assert caught.value.retry_after == pytest.approx(900, abs=2)
            # The second time nobody is asked: the gate is closed.
            assert client.calls == calls
        await client.close()


async def test_reads_retry_after_as_a_date() -> None:
    moment = format_datetime(clock.now() + timedelta(hours=1), usegmt=True)
    async with scripted(lambda _: Reply(429, headers={"Retry-After": moment})) as server:
        client = client_of(server)
        with pytest.raises(AppError) as caught:
            await client.get("/x")
        assert caught.value.retry_after == pytest.approx(3600, abs=5)
        await client.close()


async def test_a_redirect_does_not_take_the_key_along() -> None:
    async with (
        scripted(lambda _: as_json({})) as other,
        scripted(lambda _: Reply(302, headers={"Location": f"{other.url}/api"})) as server,
    ):
        client = client_of(server)
        with pytest.raises(AppError) as caught:
            await client.get("/x")
        assert caught.value.code is Code.SOURCE_HOST_UNKNOWN
        assert other.authority in caught.value.message
        assert other.asked == []
        await client.close()


async def test_the_key_shows_nowhere() -> None:
    async with scripted(lambda _: Reply(500)) as server:
        client = client_of(server, attempts=1)
        with pytest.raises(AppError) as caught:
            await client.get("/x")
        for text in (repr(client), str(caught.value), repr(caught.value), repr(caught.value.details)):
            assert "c2VjcmV0LWtleQ" not in text
        await client.close()


async def test_a_canceled_call_frees_its_slot() -> None:
    async with scripted(lambda request: Reply(delay=5 if request.target == "/slow" else 0)) as server:
        client = client_of(server, concurrency=1)
        slow = asyncio.create_task(client.get("/slow"))
        waiting = asyncio.create_task(client.get("/never"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        slow.cancel()
        await asyncio.gather(slow, waiting, return_exceptions=True)
        await client.get("/fast")
        assert client.calls == 2
        await client.close()


async def test_urgent_calls_go_first() -> None:
    async with scripted(lambda _: Reply(delay=0.01)) as server:
        client = client_of(server, concurrency=1)
        calls = [asyncio.create_task(client.get(f"/{n}")) for n in range(3)]
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(client.get("/urgent", urgent=True)))
        await asyncio.gather(*calls)
        assert [request.target for request in server.asked] == ["/0", "/urgent", "/1", "/2"]
        await client.close()

"""Chat models of Anthropic and Google, over real HTTP in their own APIs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.adapters.langchain.calls import Access
from backend.adapters.langchain.claude import ClaudeChat
from backend.adapters.langchain.gemini import GeminiChat
from backend.adapters.langchain.native import NativeChat
from backend.core.errors import AppError, Code
from backend.core.model.answer import Delta, Prompt
from backend.core.model.tenant import Secret
from tests.adapters.langchain.prompts import question, summary
from tests.support.native_servers import AnthropicServer, GoogleServer
from tests.support.openai_server import KEY, closed_port

Server = AnthropicServer | GoogleServer
CHATS: dict[str, type[NativeChat]] = {"anthropic": ClaudeChat, "google": GeminiChat}


@pytest.fixture(params=["anthropic", "google"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with AnthropicServer() if request.param == "anthropic" else GoogleServer() as running:
        yield running


def provider_of(server: Server) -> str:
    return "anthropic" if isinstance(server, AnthropicServer) else "google"


@asynccontextmanager
async def chat_of(server: Server, **more: Any) -> AsyncIterator[NativeChat]:
    provider = provider_of(server)
    options = {"provider": provider, "model": "m-test", "api_key": Secret(KEY), "base_url": server.base_url, "first_wait": 0.01, **more}
    chat = CHATS[provider](Access(**options), prices={"m-test": (1.0, 10.0)})
    try:
        yield chat
    finally:
        await chat.close()


async def collected(chat: NativeChat, prompt: Prompt) -> list[Delta]:
    return [delta async for delta in chat.stream(prompt)]


async def test_a_summary_is_asked_for_by_schema_and_its_usage_is_counted(server: Server) -> None:
    async with chat_of(server) as chat:
        completion = await chat.complete(summary())
    assert json.loads(completion.text)["problem"] == "problem 예시"
    assert (completion.provider, completion.model) == (provider_of(server), "m-test")
    (body,) = server.asked(server.spoken)
    assert "ERR-4012" in json.dumps(body["messages" if "messages" in body else "contents"])
    assert "system" in body or "systemInstruction" in body
    usage = completion.usage
    assert usage.calls == 1
    assert usage.input_tokens > 10
    assert usage.output_tokens == len(completion.text) // 3
    assert usage.cost_usd == pytest.approx((usage.input_tokens * 1 + usage.output_tokens * 10) / 1e6)


async def test_a_streamed_answer_comes_in_pieces_and_ends_with_its_usage(server: Server) -> None:
    server.answer = "자료에 따르면 재설정하면 됩니다 [1]."
    async with chat_of(server) as chat:
        deltas = await collected(chat, question())
        whole = (await chat.complete(question())).usage
    assert len(deltas) > 3
    assert "".join(delta.text for delta in deltas) == server.answer
    assert all(delta.usage is None for delta in deltas[:-1])
    assert deltas[-1] == Delta(usage=whole)


FAILURES = [
    (401, "", Code.LLM_CREDENTIALS_REJECTED, 1),
    (403, "", Code.LLM_CREDENTIALS_REJECTED, 1),
    (404, "", Code.LLM_REQUEST_REJECTED, 1),
    (400, "", Code.LLM_REQUEST_REJECTED, 1),
    (400, "prompt is too long; it exceeds the maximum number of tokens allowed", Code.LLM_REQUEST_REJECTED, 1),
    (413, "", Code.LLM_REQUEST_REJECTED, 1),
    (429, "", Code.LLM_RATE_LIMITED, 3),
    (500, "", Code.LLM_UNAVAILABLE, 3),
    (503, "", Code.LLM_UNAVAILABLE, 3),
    (529, "", Code.LLM_UNAVAILABLE, 3),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_each_status_has_its_verdict_and_no_message_has_the_key_or_the_prompt(
    server: Server, failure: tuple[int, str, Code, int]
) -> None:
    status, said, code, tries = failure
    server.fail_times, server.status, server.error = 99, status, {"message": f"{said} VPN이 안 돼요"}
    async with chat_of(server) as chat:
        for ask in (lambda: chat.complete(question()), lambda: collected(chat, question())):
            with pytest.raises(AppError) as raised:
                await ask()
            assert raised.value.code is code
            told = f"{raised.value} {raised.value.message} {raised.value.details} {raised.value!r} {raised.value.__cause__}"
            assert KEY not in told
            assert "VPN" not in told
            assert len(raised.value.message) > 30
            assert ("too long" in raised.value.message) is bool(said)
    assert len(server.requests) == 2 * tries


async def test_a_wrong_key_is_told_without_repeating_it(server: Server) -> None:
    async with chat_of(server, api_key=Secret("sk-wrong-1234567890")) as chat:
        with pytest.raises(AppError) as raised:
            await chat.complete(summary())
    assert raised.value.code is Code.LLM_CREDENTIALS_REJECTED
    assert "sk-wrong" not in str(raised.value)


async def test_google_tells_a_wrong_key_by_status_400() -> None:
    with GoogleServer(fail_times=1, status=400, error={"reason": "API_KEY_INVALID"}) as server:
        async with chat_of(server) as chat:
            with pytest.raises(AppError) as raised:
                await chat.complete(question())
    assert raised.value.code is Code.LLM_CREDENTIALS_REJECTED


async def test_anthropic_tells_an_empty_account_by_status_400() -> None:
    with AnthropicServer(fail_times=9, status=400, error={"message": "Your credit balance is too low"}) as server:
        async with chat_of(server) as chat:
            with pytest.raises(AppError) as raised:
                await chat.complete(question())
        assert len(server.requests) == 1
    assert raised.value.code is Code.LLM_RATE_LIMITED


async def test_what_passes_is_tried_again_after_the_wait_the_provider_asks_for(server: Server) -> None:
    server.fail_times, server.status, server.retry_after = 2, 429, "0.01"
    async with chat_of(server, first_wait=30) as chat:
        assert (await chat.complete(summary())).usage.calls == 1
    assert len(server.requests) == 3


async def test_a_long_wait_is_left_to_the_caller(server: Server) -> None:
    server.fail_times, server.status, server.retry_after = 99, 429, "120"
    if isinstance(server, GoogleServer):
        server.retry_after, server.retry_delay = None, "120s"
    async with chat_of(server) as chat:
        with pytest.raises(AppError) as raised:
            await chat.complete(summary())
    assert raised.value.retry_after == 120
    assert len(server.requests) == 1


async def test_a_stream_is_tried_again_before_its_first_piece_only(server: Server) -> None:
    server.fail_times, server.status = 1, 503
    async with chat_of(server) as chat:
        assert "".join(delta.text for delta in await collected(chat, question()))
        assert len(server.requests) == 2
        server.break_after = 2
        stream = chat.stream(question())
        assert (await anext(stream)).text
        with pytest.raises(AppError) as raised:
            [delta async for delta in stream]
    assert raised.value.code is Code.LLM_UNAVAILABLE
    assert len(server.requests) == 3


@pytest.mark.parametrize("how", ["refusal", "filter"])
async def test_a_refusal_is_an_error_and_never_a_text(server: Server, how: str) -> None:
    if how == "refusal":
        server.refusal = "I can't help with that."
    else:
        server.finish_reason = "content_filter"
    async with chat_of(server) as chat:
        for ask in (lambda: chat.complete(summary()), lambda: collected(chat, question())):
            with pytest.raises(AppError) as raised:
                await ask()
            assert raised.value.code is Code.LLM_REFUSED
    assert len(server.requests) == 2


async def test_an_outage_and_a_slow_server_are_told_plainly(server: Server) -> None:
    async with chat_of(server, base_url=closed_port().removesuffix("/v1"), attempts=2) as chat:
        for ask in (lambda: chat.complete(summary()), lambda: collected(chat, question())):
            with pytest.raises(AppError) as away:
                await ask()
            assert away.value.code is Code.LLM_UNAVAILABLE
            assert "can't be reached" in away.value.message
    server.delay = 1.0
    async with chat_of(server, timeout=0.1, attempts=1) as chat:
        for ask in (lambda: chat.complete(summary()), lambda: collected(chat, question())):
            with pytest.raises(AppError) as slow:
                await ask()
            assert slow.value.code is Code.LLM_UNAVAILABLE
            assert "0.1 s" in slow.value.message


async def test_a_body_that_is_not_the_api_is_no_answer(server: Server) -> None:
    bodies: tuple[object, ...] = (None, {}, {"error": {"message": "boom"}}, {"candidates": [], "content": []}, [1])
    async with chat_of(server, attempts=1) as chat:
        for raw in bodies:
            server.malformed, server.raw = raw is None, raw
            with pytest.raises(AppError) as raised:
                await chat.complete(question())
            assert raised.value.code in {Code.LLM_UNAVAILABLE, Code.LLM_REFUSED}


async def test_a_cut_off_summary_comes_back_with_its_usage(server: Server) -> None:
    server.answer, server.finish_reason = '{"problem": "VPN', "length"
    async with chat_of(server) as chat:
        completion = await chat.complete(summary())
        assert completion.text == server.answer
        assert completion.usage.input_tokens > 0
        server.answer = ""
        with pytest.raises(AppError) as raised:
            await chat.complete(summary())
    assert raised.value.code is Code.LLM_REQUEST_REJECTED


async def test_parameters_that_a_model_does_not_know_are_left_out_from_then_on(server: Server) -> None:
    # LangChain always sends a temperature to Gemini, which knows it in every model.
    server.unsupported = ("responseJsonSchema",) if isinstance(server, GoogleServer) else ("output_config", "temperature")
    server.answer = '{"problem": "p"}'
    async with chat_of(server) as chat:
        await chat.complete(summary())
        tries = len(server.requests)
        await chat.complete(summary())
        await collected(chat, question())
    assert (tries, len(server.requests)) == (1 + len(server.unsupported), 3 + len(server.unsupported))
    assert not [name for name in server.unsupported for request in server.requests[-2:] if name in json.dumps(request.body)]


async def test_one_client_serves_many_calls_within_its_limit(server: Server) -> None:
    server.delay = 0.03
    async with chat_of(server, concurrency=3) as chat:
        await asyncio.gather(*(chat.complete(summary()) for _ in range(5)), *(collected(chat, question()) for _ in range(3)))
    assert len(server.requests) == 8
    assert 1 < server.most_at_once <= 3


async def test_a_reader_that_goes_away_frees_its_place(server: Server) -> None:
    async with chat_of(server, concurrency=1) as chat:
        stream = chat.stream(question())
        assert (await anext(stream)).text
        await stream.aclose()  # type: ignore[attr-defined]
        assert (await chat.complete(summary())).text

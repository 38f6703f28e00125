"""What every chat model does, over real HTTP in the vendor's own API."""

import asyncio
import json

import pytest

from backend.core.errors import AppError, Code
from backend.core.model.answer import Delta
from backend.core.model.tenant import Secret
from tests.adapters.langchain.asking import SERVERS, chat_of, collected, question, refused, summary
from tests.support.native_servers import GoogleServer
from tests.support.openai_server import OpenAIServer, closed_port


async def test_a_summary_is_asked_for_by_schema_and_its_usage_is_counted(server: OpenAIServer) -> None:
    async with chat_of(server) as chat:
        completion = await chat.complete(summary())
    assert json.loads(completion.text)["problem"] == "problem 예시"
    assert (completion.provider, completion.model) == (chat.provider, "m-test")
    assert SERVERS[chat.provider] is type(server)
    (body,) = server.asked()
    assert "ERR-4012" in json.dumps(body["messages" if "messages" in body else "contents"])
    usage = completion.usage
    assert usage.calls == 1
    assert usage.input_tokens > 10
    assert usage.output_tokens == len(completion.text) // 3
    assert usage.cost_usd == pytest.approx((usage.input_tokens * 1 + usage.output_tokens * 10) / 1e6)


async def test_a_streamed_answer_comes_in_pieces_and_ends_with_its_usage(server: OpenAIServer) -> None:
    server.answer = "자료에 따르면 재설정하면 됩니다 [1]."
    async with chat_of(server) as chat:
        deltas = await collected(chat, question())
        whole = (await chat.complete(question())).usage
    assert len(deltas) > 3
    assert "".join(delta.text for delta in deltas) == server.answer
    assert all(delta.usage is None for delta in deltas[:-1])
    assert deltas[-1] == Delta(usage=whole)
    assert whole.output_tokens == len(server.answer) // 3


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [
        (401, Code.LLM_CREDENTIALS_REJECTED, 1),
        (403, Code.LLM_CREDENTIALS_REJECTED, 1),
        (404, Code.LLM_MODEL_WRONG, 1),
        (400, Code.LLM_REQUEST_REJECTED, 1),
        (429, Code.LLM_RATE_LIMITED, 3),
        (500, Code.LLM_UNAVAILABLE, 3),
        (503, Code.LLM_UNAVAILABLE, 3),
    ],
)
async def test_each_status_has_its_verdict_and_no_message_has_the_key_or_the_prompt(
    server: OpenAIServer, status: int, code: Code, tries: int
) -> None:
    server.fail_times, server.status, server.error = 99, status, {"message": "VPN이 안 돼요"}
    async with chat_of(server) as chat:
        errors = await refused(chat, code)
    assert not [error for error in errors if "too long" in error.message]
    assert len(server.requests) == 2 * tries


async def test_a_wrong_key_is_told_without_repeating_it(server: OpenAIServer) -> None:
    async with chat_of(server, api_key=Secret("sk-wrong-1234567890")) as chat:
        await refused(chat, Code.LLM_CREDENTIALS_REJECTED, summary())


async def test_what_passes_is_tried_again_after_the_wait_the_provider_asks_for(server: OpenAIServer) -> None:
    server.fail_times, server.status, server.retry_after = 2, 429, "0.01"
    async with chat_of(server, first_wait=30) as chat:
        assert (await chat.complete(summary())).usage.calls == 1
    assert len(server.requests) == 3


async def test_a_long_wait_is_left_to_the_caller(server: OpenAIServer) -> None:
    server.fail_times, server.status, server.retry_after = 99, 429, "120"
    if isinstance(server, GoogleServer):
        server.retry_after, server.retry_delay = None, "120s"
    async with chat_of(server) as chat:
        with pytest.raises(AppError) as raised:
            await chat.complete(summary())
    assert raised.value.code is Code.LLM_RATE_LIMITED
    assert raised.value.retry_after == 120
    assert len(server.requests) == 1


async def test_a_stream_is_tried_again_before_its_first_piece_only(server: OpenAIServer) -> None:
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
async def test_a_refusal_is_an_error_and_never_a_text(server: OpenAIServer, how: str) -> None:
    if how == "refusal":
        server.refusal = "I can't help with that."
    else:
        server.finish_reason = "content_filter"
    async with chat_of(server) as chat:
        for prompt in (question(), summary()):
            await refused(chat, Code.LLM_REFUSED, prompt)
    assert len(server.requests) == 4


async def test_an_outage_and_a_slow_server_are_told_plainly(server: OpenAIServer) -> None:
    async with chat_of(server, base_url=closed_port().removesuffix("/v1"), attempts=2) as chat:
        away = await refused(chat, Code.LLM_UNAVAILABLE, summary())
    assert all("can't be reached" in error.message for error in away)
    server.delay = 1.0
    async with chat_of(server, timeout=0.1, attempts=1) as chat:
        slow = await refused(chat, Code.LLM_UNAVAILABLE, summary())
    assert all("0.1 s" in error.message for error in slow)


async def test_a_cut_off_summary_comes_back_with_its_usage(server: OpenAIServer) -> None:
    server.answer, server.finish_reason = '{"problem": "VPN', "length"
    async with chat_of(server) as chat:
        completion = await chat.complete(summary())
    assert completion.text == server.answer
    assert completion.usage.input_tokens > 0


async def test_one_client_serves_many_calls_within_its_limit(server: OpenAIServer) -> None:
    server.delay = 0.03
    async with chat_of(server, concurrency=3) as chat:
        completions = await asyncio.gather(*(chat.complete(summary()) for _ in range(6)), *(collected(chat, question()) for _ in range(3)))
    assert len(completions) == len(server.requests) == 9
    assert 1 < server.most_at_once <= 3


async def test_a_reader_that_goes_away_frees_its_place(server: OpenAIServer) -> None:
    async with chat_of(server, concurrency=1) as chat:
        stream = chat.stream(question())
        assert (await anext(stream)).text
        await stream.aclose()
        assert (await chat.complete(summary())).text

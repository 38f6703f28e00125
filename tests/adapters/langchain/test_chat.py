"""A chat model of an OpenAI-compatible server, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from backend.adapters.langchain.calls import Access, parse_prices
from backend.adapters.langchain.chat import LangChainChat
from backend.core.errors import AppError, Code
from backend.core.model.answer import Delta, Prompt, SourceText
from backend.core.model.article import Visibility
from backend.core.model.document import Part
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Role
from backend.core.prompts.answer import answer_prompt
from backend.core.prompts.summary import summary_prompt
from tests.support.openai_server import KEY, OpenAIServer, closed_port


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@asynccontextmanager
async def chat_of(server: OpenAIServer | str, **more: Any) -> AsyncIterator[LangChainChat]:
    base_url = server if isinstance(server, str) else server.base_url
    options = {"provider": "openai", "model": "gpt-test", "api_key": Secret(KEY), "base_url": base_url, "first_wait": 0.01, **more}
    chat = LangChainChat(Access(**options), prices={"gpt-test": (1.0, 10.0)})
    try:
        yield chat
    finally:
        await chat.close()


def summary() -> Prompt:
    text = "VPN 접속이 안 됩니다. ERR-4012 오류가 나옵니다."
    return summary_prompt("VPN 오류", [Part(kind="description", text=text, visibility=Visibility.CONVERSATION, role=Role.CUSTOMER)])


def question() -> Prompt:
    source = SourceText(number=1, title="VPN", text="재설정하면 됩니다.", visibility=Visibility.PUBLIC, document_id="d")
    return answer_prompt("VPN이 안 돼요", "ko", [source])


async def collected(chat: LangChainChat, prompt: Prompt) -> list[Delta]:
    return [delta async for delta in chat.stream(prompt)]


async def test_a_summary_is_asked_for_by_strict_schema_and_its_usage_is_counted(server: OpenAIServer) -> None:
    async with chat_of(server) as chat:
        completion = await chat.complete(summary())
    assert json.loads(completion.text)["problem"] == "problem 예시"
    assert (completion.provider, completion.model) == ("openai", "gpt-test")
    (body,) = server.asked()
    form = body["response_format"]
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "ticket_summary", True)
    assert body["temperature"] == 0
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    usage = completion.usage
    assert usage.calls == 1
    assert usage.input_tokens == sum(len(message["content"]) for message in body["messages"]) // 3
    assert usage.cost_usd == pytest.approx((usage.input_tokens * 1 + usage.output_tokens * 10) / 1e6)


async def test_a_streamed_answer_comes_in_pieces_and_ends_with_its_usage(server: OpenAIServer) -> None:
    server.answer = "자료에 따르면 재설정하면 됩니다 [1]."
    async with chat_of(server) as chat:
        deltas = await collected(chat, question())
    assert len(deltas) > 3
    assert "".join(delta.text for delta in deltas) == server.answer
    assert all(delta.usage is None for delta in deltas[:-1])
    assert deltas[-1].text == ""
    assert deltas[-1].usage is not None
    assert deltas[-1].usage.output_tokens == len(server.answer) // 3
    assert server.asked()[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("failure", "code", "tries"),
    [
        ((401, {}), Code.LLM_CREDENTIALS_REJECTED, 1),
        ((403, {}), Code.LLM_CREDENTIALS_REJECTED, 1),
        ((404, {}), Code.LLM_REQUEST_REJECTED, 1),
        ((400, {}), Code.LLM_REQUEST_REJECTED, 1),
        ((400, {"code": "context_length_exceeded"}), Code.LLM_REQUEST_REJECTED, 1),
        ((422, {}), Code.LLM_REQUEST_REJECTED, 1),
        ((429, {}), Code.LLM_RATE_LIMITED, 3),
        ((429, {"code": "insufficient_quota"}), Code.LLM_RATE_LIMITED, 1),
        ((500, {}), Code.LLM_UNAVAILABLE, 3),
        ((503, {}), Code.LLM_UNAVAILABLE, 3),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
async def test_each_status_has_its_verdict_and_no_message_has_the_key(
    server: OpenAIServer, failure: tuple[int, dict[str, str]], code: Code, tries: int, streaming: bool
) -> None:
    server.fail_times, (server.status, server.error) = 99, failure
    async with chat_of(server) as chat:
        with pytest.raises(AppError) as raised:
            await (collected(chat, question()) if streaming else chat.complete(question()))
    assert raised.value.code is code
    assert len(server.requests) == tries
    told = f"{raised.value} {raised.value.message} {raised.value.details} {raised.value!r} {raised.value.__cause__}"
    assert KEY not in told
    assert "sk-" not in told
    assert len(raised.value.message) > 30


async def test_a_wrong_key_is_told_without_repeating_it(server: OpenAIServer) -> None:
    async with chat_of(server, api_key=Secret("sk-wrong-1234567890")) as chat:
        with pytest.raises(AppError) as raised:
            await chat.complete(summary())
    assert raised.value.code is Code.LLM_CREDENTIALS_REJECTED
    assert "sk-wrong" not in str(raised.value)


async def test_what_passes_is_tried_again_after_the_wait_the_provider_asks_for(server: OpenAIServer) -> None:
    server.fail_times, server.status, server.retry_after = 2, 429, "0.01"
    async with chat_of(server, first_wait=30) as chat:
        completion = await chat.complete(summary())
    assert completion.usage.calls == 1
    assert len(server.requests) == 3


async def test_a_long_wait_is_left_to_the_caller(server: OpenAIServer) -> None:
    server.fail_times, server.status, server.retry_after = 99, 429, "120"
    async with chat_of(server) as chat:
        with pytest.raises(AppError) as raised:
            await chat.complete(summary())
    assert raised.value.retry_after == 120
    assert len(server.requests) == 1


async def test_a_stream_is_tried_again_before_its_first_piece_only(server: OpenAIServer) -> None:
    server.fail_times, server.status = 1, 503
    async with chat_of(server) as chat:
        deltas = await collected(chat, question())
        assert "".join(delta.text for delta in deltas)
        assert len(server.requests) == 2
        server.break_after = 2
        stream = chat.stream(question())
        assert (await anext(stream)).text
        with pytest.raises(AppError) as raised:
            [delta async for delta in stream]
    assert raised.value.code is Code.LLM_UNAVAILABLE
    assert len(server.requests) == 3


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_refusal_is_an_error_and_never_a_text(server: OpenAIServer, streaming: bool) -> None:
    server.refusal = "I can't help with that."
    async with chat_of(server) as chat:
        with pytest.raises(AppError) as raised:
            await (collected(chat, question()) if streaming else chat.complete(summary()))
    assert raised.value.code is Code.LLM_REFUSED
    assert len(server.requests) == 1


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_filtered_answer_is_a_refusal(server: OpenAIServer, streaming: bool) -> None:
    server.finish_reason = "content_filter"
    async with chat_of(server) as chat:
        for prompt in (question(), summary()):
            with pytest.raises(AppError) as raised:
                await (collected(chat, prompt) if streaming and prompt.schema is None else chat.complete(prompt))
            assert raised.value.code is Code.LLM_REFUSED


async def test_an_outage_and_a_slow_server_are_told_plainly(server: OpenAIServer) -> None:
    async with chat_of(closed_port(), attempts=2) as chat:
        with pytest.raises(AppError) as away:
            await chat.complete(summary())
        with pytest.raises(AppError) as away_streaming:
            await collected(chat, question())
    assert away.value.code is away_streaming.value.code is Code.LLM_UNAVAILABLE
    assert "can't be reached" in away.value.message
    server.delay = 1.0
    async with chat_of(server, timeout=0.1, attempts=1) as chat:
        with pytest.raises(AppError) as slow:
            await chat.complete(summary())
        with pytest.raises(AppError) as slow_streaming:
            await collected(chat, question())
    assert slow.value.code is slow_streaming.value.code is Code.LLM_UNAVAILABLE
    assert "0.1 s" in slow.value.message


@pytest.mark.parametrize("raw", [None, {"choices": None}, {}, {"error": {"message": "boom"}}, {"choices": []}, [1]])
async def test_a_body_that_is_not_the_api_is_an_outage(server: OpenAIServer, raw: object) -> None:
    server.malformed, server.raw = raw is None, raw
    async with chat_of(server, attempts=1) as chat:
        for prompt in (summary(), question()):
            with pytest.raises(AppError) as raised:
                await chat.complete(prompt)
            assert raised.value.code is Code.LLM_UNAVAILABLE


async def test_a_cut_off_summary_comes_back_with_its_usage(server: OpenAIServer) -> None:
    server.answer, server.finish_reason = '{"problem": "VPN', "length"
    async with chat_of(server) as chat:
        completion = await chat.complete(summary())
    assert completion.text == server.answer
    assert completion.usage.input_tokens > 0


async def test_parameters_that_a_server_does_not_know_are_left_out_from_then_on(server: OpenAIServer) -> None:
    server.unsupported = ("json_schema", "temperature")
    server.answer = '{"problem": "p"}'
    async with chat_of(server) as chat:
        await asyncio.gather(chat.complete(summary()), chat.complete(summary()))
        tries = len(server.requests)
        await chat.complete(summary())
        await collected(chat, question())
    assert len(server.requests) == tries + 2
    assert server.asked()[-2]["response_format"] == {"type": "json_object"}
    assert all("temperature" not in body for body in server.asked()[-2:])


async def test_one_client_serves_many_calls_within_its_limit(server: OpenAIServer) -> None:
    server.delay = 0.03
    async with chat_of(server, concurrency=3) as chat:
        completions = await asyncio.gather(*(chat.complete(summary()) for _ in range(9)), *(collected(chat, question()) for _ in range(3)))
    assert len(completions) == 12
    assert len(server.requests) == 12
    assert 1 < server.most_at_once <= 3


async def test_a_reader_that_goes_away_frees_its_place(server: OpenAIServer) -> None:
    async with chat_of(server, concurrency=1) as chat:
        stream = chat.stream(question())
        assert (await anext(stream)).text
        await stream.aclose()  # type: ignore[attr-defined]
        assert (await chat.complete(summary())).text


async def test_no_key_is_needed_for_a_local_server() -> None:
    with OpenAIServer(key="none") as server:
        async with chat_of(server, api_key=None) as chat:
            assert (await chat.complete(summary())).text


def test_prices_are_read_or_named_as_wrong() -> None:
    assert parse_prices("gpt-5-mini=0.25/2, text-embedding-3-small=0.02") == {
        "gpt-5-mini": (0.25, 2.0),
        "text-embedding-3-small": (0.02, 0.0),
    }
    assert parse_prices("") == {}
    with pytest.raises(ValueError, match="gpt"):
        parse_prices("gpt")


def test_the_access_does_not_print_its_key() -> None:
    access = Access(provider="openai", model="m", api_key=Secret(KEY))
    assert KEY not in repr(access)
    assert KEY not in repr(msgspec.structs.astuple(access))

"""What only the chat model of an OpenAI-compatible server does."""

import asyncio

import msgspec
import pytest

from backend.adapters.langchain.calls import Access, parse_prices
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret
from tests.adapters.langchain.asking import chat_of, collected, question, refused, summary
from tests.support.openai_server import KEY, OpenAIServer

openai_only = pytest.mark.parametrize("server", ["openai"], indirect=True)


@openai_only
async def test_a_summary_is_asked_for_by_strict_schema(server: OpenAIServer) -> None:
    async with chat_of(server) as chat:
        usage = (await chat.complete(summary())).usage
    (body,) = server.asked()
    form = body["response_format"]
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "ticket_summary", True)
    assert body["temperature"] == 0
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert usage.input_tokens == sum(len(message["content"]) for message in body["messages"]) // 3


@openai_only
async def test_a_stream_is_asked_for_with_its_usage(server: OpenAIServer) -> None:
    async with chat_of(server) as chat:
        await collected(chat, question())
    assert server.asked()[0]["stream_options"] == {"include_usage": True}


@openai_only
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, {"code": "context_length_exceeded"}, Code.LLM_REQUEST_REJECTED),
        (422, {}, Code.LLM_REQUEST_REJECTED),
        (429, {"code": "insufficient_quota"}, Code.LLM_RATE_LIMITED),
    ],
)
async def test_statuses_and_codes_of_its_own(server: OpenAIServer, status: int, error: dict[str, str], code: Code) -> None:
    server.fail_times, server.status, server.error = 99, status, error
    async with chat_of(server) as chat:
        await refused(chat, code)
    assert len(server.requests) == 2


@openai_only
@pytest.mark.parametrize("raw", [None, {"choices": None}, {}, {"error": {"message": "boom"}}, {"choices": []}, [1]])
async def test_a_body_that_is_not_the_api_is_an_outage(server: OpenAIServer, raw: object) -> None:
    server.malformed, server.raw = raw is None, raw
    async with chat_of(server, attempts=1) as chat:
        for prompt in (summary(), question()):
            with pytest.raises(AppError) as raised:
                await chat.complete(prompt)
            assert raised.value.code is Code.LLM_UNAVAILABLE


@openai_only
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


@openai_only
async def test_a_server_that_knows_no_json_mode_either_is_asked_in_words(server: OpenAIServer) -> None:
    server.unsupported = ("response_format",)
    server.answer = '{"problem": "p"}'
    async with chat_of(server) as chat:
        await chat.complete(summary())
        await chat.complete(summary())
    assert [body.get("response_format", {}).get("type") for body in server.asked()] == ["json_schema", "json_object", None, None]


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

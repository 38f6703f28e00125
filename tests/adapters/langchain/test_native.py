"""What only the chat models of Anthropic and Google do."""

import json

import pytest

from backend.core.errors import AppError, Code
from tests.adapters.langchain.asking import chat_of, collected, question, refused, summary
from tests.support.native_servers import AnthropicServer, GoogleServer
from tests.support.openai_server import OpenAIServer

pytestmark = pytest.mark.parametrize("server", ["anthropic", "google"], indirect=True)


async def test_the_system_prompt_goes_where_the_vendor_wants_it(server: OpenAIServer) -> None:
    async with chat_of(server) as chat:
        await chat.complete(summary())
    (body,) = server.asked()
    assert ("systemInstruction" if isinstance(server, GoogleServer) else "system") in body


@pytest.mark.parametrize(
    ("status", "said", "code", "tries"),
    [
        (400, "prompt is too long; it exceeds the maximum number of tokens allowed", Code.LLM_REQUEST_REJECTED, 1),
        (413, "", Code.LLM_REQUEST_REJECTED, 1),
        (529, "", Code.LLM_UNAVAILABLE, 3),
    ],
)
async def test_statuses_of_their_own(server: OpenAIServer, status: int, said: str, code: Code, tries: int) -> None:
    server.fail_times, server.status, server.error = 99, status, {"message": f"{said} VPN이 안 돼요"}
    async with chat_of(server) as chat:
        errors = await refused(chat, code)
    assert all(("too long" in error.message) is bool(said) for error in errors)
    assert len(server.requests) == 2 * tries


async def test_a_body_that_is_not_the_api_is_no_answer(server: OpenAIServer) -> None:
    bodies: tuple[object, ...] = (None, {}, {"error": {"message": "boom"}}, {"candidates": [], "content": []}, [1])
    async with chat_of(server, attempts=1) as chat:
        for raw in bodies:
            server.malformed, server.raw = raw is None, raw
            with pytest.raises(AppError) as raised:
                await chat.complete(question())
            assert raised.value.code in {Code.LLM_UNAVAILABLE, Code.LLM_REFUSED}


async def test_an_answer_cut_off_before_its_first_word_says_so(server: OpenAIServer) -> None:
    server.answer, server.finish_reason = "", "length"
    async with chat_of(server) as chat:
        await refused(chat, Code.LLM_REQUEST_REJECTED, summary())


async def test_parameters_that_a_model_does_not_know_are_left_out_from_then_on(server: OpenAIServer) -> None:
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


async def test_what_is_no_matter_of_the_status_is_told_by_the_text(server: OpenAIServer) -> None:
    """Google answers a wrong key, and Anthropic an empty account, with status 400."""
    server.fail_times, server.status = 9, 400
    server.error = {"reason": "API_KEY_INVALID"} if isinstance(server, GoogleServer) else {"message": "Your credit balance is too low"}
    async with chat_of(server) as chat:
        await refused(chat, Code.LLM_RATE_LIMITED if isinstance(server, AnthropicServer) else Code.LLM_CREDENTIALS_REJECTED)
    assert len(server.requests) == 2

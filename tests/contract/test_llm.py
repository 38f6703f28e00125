"""What every ChatModel and Embedder must do, over each one that the settings can choose."""

import json
import math
from collections.abc import AsyncIterator, Iterator

import pytest

from backend.adapters.langchain.calls import Access
from backend.adapters.langchain.chat import LangChainChat
from backend.adapters.langchain.claude import ClaudeChat
from backend.adapters.langchain.embed import LangChainEmbedder
from backend.adapters.langchain.gemini import GeminiChat
from backend.adapters.langchain.native import NativeChat
from backend.adapters.offline.chat import OfflineChat
from backend.adapters.offline.embed import HashingEmbedder
from backend.core.ingest.summary_answer import SummaryAnswer
from backend.core.model.answer import RewriteMaterial, SourceText
from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose
from backend.core.model.document import Part
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Role
from backend.core.ports.llm import ChatModel, Embedder
from backend.core.prompts.answer import answer_prompt
from backend.core.prompts.rewrite import rewrite_prompt
from backend.core.prompts.summary import summary_prompt
from tests.support.native_servers import AnthropicServer, GoogleServer
from tests.support.openai_server import KEY, OpenAIServer

TICKET = Part(
    kind="description",
    text="VPN에 접속하면 ERR-4012 오류가 발생합니다.",
    visibility=Visibility.CONVERSATION,
    role=Role.CUSTOMER,
)
SOURCE = SourceText(number=1, title="VPN ERR-4012", text="비밀번호를 재설정해 주세요.", visibility=Visibility.PUBLIC, document_id="d")

NATIVE: dict[str, tuple[type[OpenAIServer], type[NativeChat]]] = {
    "anthropic": (AnthropicServer, ClaudeChat),
    "google": (GoogleServer, GeminiChat),
}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture(params=["offline", "openai", "anthropic", "google"])
async def chat(request: pytest.FixtureRequest, server: OpenAIServer) -> AsyncIterator[ChatModel]:
    if request.param == "offline":
        yield OfflineChat()
        return
    if request.param in NATIVE:
        speaks, makes = NATIVE[request.param]
        with speaks() as native:
            other = makes(Access(provider=request.param, model="m-test", api_key=Secret(KEY), base_url=native.base_url))
            yield other
            await other.close()
        return
    made = LangChainChat(Access(provider="openai", model="gpt-test", api_key=Secret(KEY), base_url=server.base_url))
    yield made
    await made.close()


@pytest.fixture(params=["offline", "openai"])
async def embedder(request: pytest.FixtureRequest, server: OpenAIServer) -> AsyncIterator[Embedder]:
    if request.param == "offline":
        yield HashingEmbedder()
        return
    made = LangChainEmbedder(Access(provider="openai", model="embed-test", api_key=Secret(KEY), base_url=server.base_url))
    await made.learn_dimension()
    yield made
    await made.close()


async def test_a_prompt_with_a_schema_is_answered_in_it(chat: ChatModel) -> None:
    completion = await chat.complete(summary_prompt("VPN", [TICKET]))
    answer = json.loads(completion.text)
    assert set(answer) == set(SummaryAnswer.__struct_fields__)
    assert answer["problem"]
    assert completion.usage.calls == 1
    assert (completion.provider, completion.model) == (chat.provider, chat.model)


async def test_a_stream_ends_with_the_usage_and_tells_the_whole_answer(chat: ChatModel) -> None:
    prompt = answer_prompt("VPN ERR-4012 오류 해결", "ko", [SOURCE])
    deltas = [delta async for delta in chat.stream(prompt)]
    assert deltas[-1].text == ""
    assert deltas[-1].usage is not None
    assert deltas[-1].usage.calls == 1
    assert all(delta.usage is None and delta.text for delta in deltas[:-1])
    assert "".join(delta.text for delta in deltas) == (await chat.complete(prompt)).text
    assert "[1]" in "".join(delta.text for delta in deltas)


async def test_a_text_written_anew_is_streamed_and_whole_alike(chat: ChatModel) -> None:
    text = "안녕하세요.\n저장된 자격 증명을 삭제하세요 [1].\n감사합니다."
    prompt = rewrite_prompt(RewriteMaterial(text=text, action="tone", language="ko", tone="formal"))
    deltas = [delta async for delta in chat.stream(prompt)]
    assert deltas[-1].usage is not None
    assert "".join(delta.text for delta in deltas) == (await chat.complete(prompt)).text != ""


async def test_vectors_are_normalized_in_order_and_repeatable(embedder: Embedder) -> None:
    texts = ["로그인 오류", "login error", "환불 문의", "로그인 오류"]
    vectors, _ = await embedder.embed(texts, Purpose.EMBED_DOCUMENT)
    assert [len(vector) for vector in vectors] == [embedder.dimension] * 4
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-4) for vector in vectors)
    assert vectors[0] == pytest.approx(vectors[3])
    assert vectors[0] != pytest.approx(vectors[2])
    again, _ = await embedder.embed(texts[:1], Purpose.EMBED_QUERY)
    assert again[0] == pytest.approx(vectors[0], abs=1e-6)


async def test_no_texts_cost_nothing(embedder: Embedder) -> None:
    vectors, usage = await embedder.embed([], Purpose.EMBED_DOCUMENT)
    assert (vectors, usage.input_tokens, usage.cost_usd) == ([], 0, 0)

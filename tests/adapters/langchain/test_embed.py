"""An embedder of an OpenAI-compatible server, over real HTTP."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.adapters.langchain.calls import Access
from backend.adapters.langchain.embed import LangChainEmbedder
from backend.core.errors import AppError, Code
from backend.core.model.budget import Purpose, Usage
from backend.core.model.tenant import Secret
from tests.support.made_up import vector
from tests.support.openai_server import KEY, OpenAIServer, closed_port

PATH = "/v1/embeddings"

pytestmark = pytest.mark.parametrize("server", ["openai"], indirect=True)


@asynccontextmanager
async def embedder_of(base_url: str, dimension: int | None = None, **more: Any) -> AsyncIterator[LangChainEmbedder]:
    options = {"provider": "openai", "model": "embed-test", "api_key": Secret(KEY), "base_url": base_url, "first_wait": 0.01, **more}
    embedder = LangChainEmbedder(Access(**options), dimension=dimension, prices={"embed-test": (0.02, 0.0)})
    try:
        yield embedder
    finally:
        await embedder.close()


async def test_vectors_come_in_order_normalized_and_counted(server: OpenAIServer) -> None:
    texts = [f"로그인 오류 {number}" for number in range(300)]
    async with embedder_of(server.base_url) as embedder:
        vectors, usage = await embedder.embed(texts, Purpose.EMBED_DOCUMENT)
    assert [len(body["input"]) for body in server.asked(PATH)] == [128, 128, 44]
    assert len(vectors) == 300
    for found, text in zip(vectors, texts, strict=True):
        raw = vector(text, 16)
        norm = math.sqrt(sum(value * value for value in raw))
        assert found == pytest.approx([value / norm for value in raw], abs=1e-5)
    assert usage.calls == 3
    assert usage.input_tokens > 0
    assert usage.cost_usd == pytest.approx(usage.input_tokens * 0.02 / 1e6)


async def test_the_dimension_is_asked_for_once(server: OpenAIServer) -> None:
    async with embedder_of(server.base_url) as embedder:
        with pytest.raises(AppError, match="DESKLORE_EMBED_DIMENSION"):
            _ = embedder.dimension
        assert await embedder.learn_dimension() == 16
        assert await embedder.learn_dimension() == 16
        assert embedder.dimension == 16
        assert embedder.semantic
    assert len(server.asked(PATH)) == 1


async def test_a_set_dimension_is_sent_and_not_asked_for(server: OpenAIServer) -> None:
    async with embedder_of(server.base_url, dimension=8) as embedder:
        assert await embedder.learn_dimension() == 8
        vectors, _ = await embedder.embed(["a", "b"], Purpose.EMBED_QUERY)
    assert [len(found) for found in vectors] == [8, 8]
    assert server.asked(PATH)[0]["dimensions"] == 8


async def test_a_model_of_one_length_is_not_told_which(server: OpenAIServer) -> None:
    server.unsupported = ("dimensions",)
    async with embedder_of(server.base_url, dimension=16) as embedder:
        await embedder.embed(["a"], Purpose.EMBED_QUERY)
        await embedder.embed(["b"], Purpose.EMBED_QUERY)
    assert ["dimensions" in body for body in server.asked(PATH)] == [True, False, False]


async def test_another_length_than_set_is_told(server: OpenAIServer) -> None:
    server.unsupported = ("dimensions",)
    async with embedder_of(server.base_url, dimension=99) as embedder:
        with pytest.raises(AppError, match="DESKLORE_EMBED_DIMENSION to 16") as raised:
            await embedder.embed(["a"], Purpose.EMBED_QUERY)
    assert raised.value.code is Code.LLM_MODEL_WRONG, "everything waits for the setting: asking text by text would be paid for each time"


async def test_long_texts_are_clipped_and_empty_ones_are_sent_as_something(server: OpenAIServer) -> None:
    async with embedder_of(server.base_url) as embedder:
        vectors, _ = await embedder.embed(["가" * 50_000, "", "짧은 글"], Purpose.EMBED_DOCUMENT)
        assert await embedder.embed([], Purpose.EMBED_DOCUMENT) == ([], Usage())
    sent = server.asked(PATH)[0]["input"]
    assert len(sent[0]) <= 11_000
    assert sent[1].strip()
    assert sent[2] == "짧은 글"
    assert len(vectors) == 3


async def test_a_request_stays_below_the_limit_of_tokens(server: OpenAIServer) -> None:
    async with embedder_of(server.base_url) as embedder:
        vectors, _ = await embedder.embed(["word " * 5_500] * 30, Purpose.EMBED_DOCUMENT)
    assert len(vectors) == 30
    assert all(sum(map(len, body["input"])) <= 400_000 for body in server.asked(PATH))


async def test_failures_are_told_like_a_chats(server: OpenAIServer) -> None:
    server.fail_times, server.status = 1, 503
    async with embedder_of(server.base_url) as embedder:
        assert await embedder.embed(["a"], Purpose.EMBED_QUERY)
        server.fail_times, server.status = 99, 401
        with pytest.raises(AppError) as rejected:
            await embedder.embed(["a"], Purpose.EMBED_QUERY)
        server.fail_times, server.vectors_dropped = 0, 1
        with pytest.raises(AppError) as short:
            await embedder.embed(["a", "b"], Purpose.EMBED_QUERY)
    async with embedder_of(closed_port(), attempts=1) as embedder:
        with pytest.raises(AppError) as away:
            await embedder.embed(["a"], Purpose.EMBED_QUERY)
    assert rejected.value.code is Code.LLM_CREDENTIALS_REJECTED
    assert short.value.code is away.value.code is Code.LLM_UNAVAILABLE
    assert all(KEY not in f"{raised.value!r} {raised.value.details}" for raised in (rejected, short, away))


async def test_one_client_serves_many_calls(server: OpenAIServer) -> None:
    server.delay = 0.02
    async with embedder_of(server.base_url, concurrency=2) as embedder:
        found = await asyncio.gather(*(embedder.embed([str(number)], Purpose.EMBED_QUERY) for number in range(6)))
    assert len(found) == 6
    assert server.most_at_once <= 2

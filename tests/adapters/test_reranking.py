"""A cross-encoder over HTTP: every form of the API, what it costs, and each way in which it fails, soon and without its key."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from backend.adapters.langchain.calls import Access
from backend.adapters.masked import MaskedReranker
from backend.adapters.reranking import HttpReranker
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret
from tests.servers.rerank import RerankServer
from tests.support.openai_server import KEY, closed_port

QUESTION = "환불 지연 refund"
TEXTS = ["배송 조회", "환불 지연 refund 처리", "refund only"]
BEST_FIRST = [1, 2, 0]
Open = Callable[..., AbstractAsyncContextManager[HttpReranker]]


@pytest.fixture
def reranker() -> Open:
    """Opens one for a base URL."""

    @asynccontextmanager
    async def opened(base_url: str, **changes: Any) -> AsyncIterator[HttpReranker]:
        given: dict[str, Any] = {"provider": "reranker", "model": "bge", "api_key": Secret(KEY), "base_url": base_url, "timeout": 20.0}
        made = HttpReranker(Access(**given | changes), prices={"bge": (2.0, 0.0)})
        try:
            yield made
        finally:
            await made.close()

    return opened


def order(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda place: -scores[place])


async def test_texts_are_judged_in_one_call_and_the_tokens_told(reranker: Open) -> None:
    with RerankServer() as server:
        async with reranker(server.base_url) as model:
            scores, usage = await model.judge(QUESTION, TEXTS)
    assert [round(score, 2) for score in scores] == [0, 10, 3.33]
    assert (usage.calls, usage.input_tokens, usage.cost_usd) == (1, 77, 77 * 2.0 / 1_000_000)
    assert server.asked() == [{"model": "bge", "query": QUESTION, "documents": TEXTS, "top_n": 3}]


@pytest.mark.parametrize(("tells", "tokens"), [("meta", 78), ("", None)])
async def test_tokens_are_read_where_they_are_or_estimated(reranker: Open, tells: str, tokens: int | None) -> None:
    with RerankServer(tells=tells) as server:
        async with reranker(server.base_url) as model:
            _, usage = await model.judge(QUESTION, TEXTS)
    assert usage.input_tokens == tokens or (tokens is None and usage.input_tokens > 20)


async def test_a_server_of_the_other_form_is_found_out_once(reranker: Open) -> None:
    with RerankServer(texts_only=True) as server:
        async with reranker(server.base_url) as model:
            for _ in range(2):
                scores, usage = await model.judge(QUESTION, TEXTS)
                assert order(scores) == BEST_FIRST
                assert usage.input_tokens > 0
    assert ["texts" in body for body in server.asked()] == [False, True, True]


async def test_logits_become_the_same_scale(reranker: Open) -> None:
    with RerankServer(logits=True) as server:
        async with reranker(server.base_url) as model:
            scores, _ = await model.judge(QUESTION, TEXTS)
    assert order(scores) == BEST_FIRST
    assert all(0 < score < 10 for score in scores)


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"fail_times": 1, "status": 500}, Code.LLM_UNAVAILABLE),
        ({"fail_times": 1, "status": 429, "retry_after": "7"}, Code.LLM_RATE_LIMITED),
        ({"fail_times": 1, "status": 404}, Code.LLM_MODEL_WRONG),
        ({"fail_times": 1, "status": 422}, Code.LLM_REQUEST_REJECTED),
        ({"key": "sk-another"}, Code.LLM_CREDENTIALS_REJECTED),
        ({"malformed": True}, Code.LLM_UNAVAILABLE),
        ({"raw": {"results": [{"index": 0, "relevance_score": 1}]}}, Code.LLM_UNAVAILABLE),
        ({"raw": [{"index": n, "score": None} for n in range(3)]}, Code.LLM_UNAVAILABLE),
        ({"raw": {"results": [{"index": 1, "relevance_score": 1}] * 3}}, Code.LLM_UNAVAILABLE),
        ({"raw": {"data": []}}, Code.LLM_UNAVAILABLE),
    ],
)
async def test_each_failure_has_its_code_and_is_not_tried_again(reranker: Open, knobs: dict[str, Any], code: Code) -> None:
    with RerankServer(**knobs) as server:
        async with reranker(server.base_url) as model:
            with pytest.raises(AppError) as failed:
                await model.judge(QUESTION, TEXTS)
    assert failed.value.code is code
    assert failed.value.retry_after == (7 if code is Code.LLM_RATE_LIMITED else None)
    assert KEY not in failed.value.message
    assert len(server.requests) == 1


async def test_a_server_that_is_away_or_slow_is_told(reranker: Open) -> None:
    async with reranker(closed_port()) as model:
        with pytest.raises(AppError, match="can't be reached") as away:
            await model.judge(QUESTION, TEXTS)
    with RerankServer(delay=0.5) as server:
        async with reranker(server.base_url, timeout=0.05) as model:
            with pytest.raises(AppError, match="did not answer within") as slow:
                await model.judge(QUESTION, TEXTS)
    assert away.value.code is slow.value.code is Code.LLM_UNAVAILABLE


async def test_personal_data_stays_here(reranker: Open) -> None:
    with RerankServer() as server:
        async with reranker(server.base_url) as model:
            masked = MaskedReranker(model)
            await masked.judge("refund for kim@example.com", ["call 010-1234-5678", "refund"])
    (body,) = server.asked()
    assert "kim@example.com" not in str(body)
    assert "1234-5678" not in str(body)
    assert body["documents"][1] == "refund"

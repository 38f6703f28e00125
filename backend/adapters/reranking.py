"""A cross-encoder on a server of its own, asked by the rerank API that Cohere began and most servers of models speak.

    POST <base URL>/rerank  {"model", "query", "documents", "top_n"} -> {"results": [{"index", "relevance_score"}]}

https://docs.cohere.com/reference/rerank; likewise Jina, vLLM, Infinity, LocalAI, llama.cpp and OpenVINO. Text Embeddings Inference
has another form, which is found out: https://huggingface.github.io/text-embeddings-inference/
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from backend.adapters.langchain.calls import Access, cost_of
from backend.adapters.langchain.connected import Connected
from backend.adapters.langchain.errors import retry_after
from backend.core.model.budget import Usage
from backend.core.text.size import estimate_tokens

if TYPE_CHECKING:
    import httpx

PROVIDER: Final = "reranker"
"""What errors, usage and metrics call it, whoever serves the model."""
_BEST: Final = 10.0
_STRANGER: Final = frozenset({400, 422})
"""How servers refuse a body with other fields than they know."""


class _Result(Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None


class _Tokens(Struct):
    total_tokens: int | None = None
    input_tokens: int | None = None


class _Meta(Struct):
    tokens: _Tokens | None = None


class _Answer(Struct):
    results: list[_Result]
    usage: _Tokens | None = None
    """Jina, vLLM, Infinity."""
    meta: _Meta | None = None
    """Cohere."""


_answer = msgspec.json.Decoder(_Answer | list[_Result])


class HttpReranker(Connected["httpx.AsyncClient"]):
    """A Reranker over HTTP. One try and no more: a person waits, and the order there is will do.

    Where the server tells no tokens they are estimated.
    """

    def __init__(self, access: Access, *, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        super().__init__(access, prices=prices)
        self._texts_only = False
        """Whether it is a server that takes `texts` where others take `documents`."""

    async def judge(self, question: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """How well each text answers, 0 to 10. Raises AppError with an LLM_* code, after the time-out at the latest."""
        # Another part of the program may be the first to need it; 40 ms that a start need not take.
        import httpx  # noqa: PLC0415 - as said above

        verdicts = self._caller.verdicts
        try:
            async with asyncio.timeout(self._access.timeout), self._caller.turn():
                answered = await self._ask(question, texts)
        except (TimeoutError, httpx.TimeoutException):
            raise verdicts.too_slow() from None
        except httpx.TransportError:
            raise verdicts.unreachable() from None
        if answered.status_code != 200:
            raise verdicts.of_status(answered.status_code, retry_after=retry_after(answered.headers))
        try:
            answer = _answer.decode(answered.content)
            scores = _in_order(answer if isinstance(answer, list) else answer.results, len(texts))
        except (msgspec.DecodeError, LookupError) as error:
            raise verdicts.malformed(error) from None
        return _up_to_ten(scores), self._used(answer, question, texts)

    async def _ask(self, question: str, texts: Sequence[str]) -> "httpx.Response":
        answered = await self._post(question, texts)
        if not self._texts_only and answered.status_code in _STRANGER and "texts" in answered.text:
            self._texts_only = True
            answered = await self._post(question, texts)
        return answered

    async def _post(self, question: str, texts: Sequence[str]) -> "httpx.Response":
        body: dict[str, Any] = {"model": self.model, "query": question, "documents": list(texts), "top_n": len(texts)}
        if self._texts_only:
            body = {"query": question, "texts": list(texts), "truncate": True}
        return await (await self._ready()).post("rerank", json=body)

    def _make(self) -> "tuple[httpx.AsyncClient, httpx.AsyncClient]":
        import httpx  # noqa: PLC0415 - as in `judge`

        key = self._access.api_key
        headers = {"authorization": f"Bearer {key.reveal()}"} if key is not None else {}
        client = httpx.AsyncClient(base_url=str(self._access.base_url), headers=headers, timeout=self._access.timeout)
        return client, client

    def _used(self, answer: _Answer | list[_Result], question: str, texts: Sequence[str]) -> Usage:
        told: _Tokens | None = None
        if isinstance(answer, _Answer):
            told = answer.usage or (answer.meta.tokens if answer.meta is not None else None)
        tokens = (told.total_tokens or told.input_tokens) if told is not None else None
        if tokens is None:
            # A cross-encoder reads the question anew with every text.
            tokens = sum(map(estimate_tokens, texts)) + len(texts) * estimate_tokens(question)
        return cost_of(self._prices, self.model, tokens, 0)


def _in_order(results: Sequence[_Result], wanted: int) -> list[float]:
    """One score a text. Raises LookupError where one is missing or there are others."""
    found = {result.index: result.score if result.relevance_score is None else result.relevance_score for result in results}
    scores = [found[number] for number in range(wanted)]
    if len(results) != wanted or None in scores:
        raise LookupError("another number of scores than of texts")
    return [score for score in scores if score is not None]


def _up_to_ten(scores: Sequence[float]) -> list[float]:
    """Most servers give probabilities; one that gives a score beyond 0 to 1 gives logits."""
    if any(score < 0 or score > 1 for score in scores):
        scores = [1 / (1 + math.exp(-max(-60.0, min(60.0, score)))) for score in scores]
    return [_BEST * score for score in scores]

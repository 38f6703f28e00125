"""Models that are counted and timed, whatever provider stands behind them."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from backend.adapters.wrapped import WrappedChat, WrappedEmbedder, WrappedReranker
from backend.core.errors import AppError
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Purpose, Usage
from backend.core.ports.llm import ChatModel, Embedder, Reranker, Summarizer, summarizer_of
from backend.core.ports.meter import Meter
from backend.observability.tracing import leaf


class MeteredChat(WrappedChat):
    """A ChatModel that tells the meter each call, its time, tokens and cost by purpose."""

    def __init__(self, chat: ChatModel, meter: Meter) -> None:
        super().__init__(chat)
        self._meter = meter

    @property
    def summarizer(self) -> Summarizer | None:
        """That of the model behind it. Whoever runs it counts its calls: it may run in another process."""
        return summarizer_of(self._chat)

    async def complete(self, prompt: Prompt) -> Completion:
        """As the model behind it."""
        with _told(self._meter, prompt.purpose, self.model):
            completion = await self._chat.complete(prompt)
        _tell_usage(self._meter, prompt.purpose, self.model, completion.usage)
        return completion

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """As the model behind it; a stream that its reader leaves counts as it is."""
        with _told(self._meter, prompt.purpose, self.model):
            async for delta in self._chat.stream(prompt):
                if delta.usage is not None:
                    _tell_usage(self._meter, prompt.purpose, self.model, delta.usage)
                yield delta


class MeteredEmbedder(WrappedEmbedder):
    """An Embedder that tells the meter each call and each text."""

    def __init__(self, embedder: Embedder, meter: Meter) -> None:
        super().__init__(embedder)
        self._meter = meter

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        """As the embedder behind it."""
        with _told(self._meter, purpose, self.model):
            vectors, usage = await self._embedder.embed(texts, purpose)
        self._meter.count("embeddings", len(texts), purpose=purpose.value, model=self.model)
        _tell_usage(self._meter, purpose, self.model, usage)
        return vectors, usage


class MeteredReranker(WrappedReranker):
    """A Reranker that tells the meter each call, its time, tokens and cost."""

    def __init__(self, reranker: Reranker, meter: Meter) -> None:
        super().__init__(reranker)
        self._meter = meter

    async def judge(self, question: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """As the model behind it."""
        with _told(self._meter, Purpose.RERANK, self.model):
            scores, usage = await self._reranker.judge(question, texts)
        _tell_usage(self._meter, Purpose.RERANK, self.model, usage)
        return scores, usage


@contextmanager
def _told(meter: Meter, purpose: Purpose, model: str) -> Iterator[None]:
    began = time.perf_counter()
    outcome = "canceled"
    try:
        with leaf("llm_call", purpose=purpose.value, model=model):
            yield
        outcome = "ok"
    except AppError as error:
        outcome = error.code.value
        raise
    finally:
        meter.count("llm_calls", 1, purpose=purpose.value, model=model, outcome=outcome)
        meter.observe("llm_seconds", time.perf_counter() - began, purpose=purpose.value, model=model)


def _tell_usage(meter: Meter, purpose: Purpose, model: str, usage: Usage) -> None:
    labels = {"purpose": purpose.value, "model": model}
    meter.count("llm_tokens", usage.input_tokens, direction="input", **labels)
    meter.count("llm_tokens", usage.output_tokens, direction="output", **labels)
    meter.count("llm_cost_usd", usage.cost_usd, **labels)

"""Vectors from OpenAI or a compatible server, through LangChain."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from backend.adapters.langchain.calls import DIMENSIONS, Access, cost_of
from backend.adapters.langchain.connected import Connected
from backend.core.errors import AppError, Code
from backend.core.model.budget import Purpose, Usage
from backend.core.text.size import clip_tokens

if TYPE_CHECKING:
    from langchain_openai import OpenAIEmbeddings

_BATCH: Final = 128
_BATCH_CHARS: Final = 400_000
"""OpenAI takes 300,000 tokens a request: https://platform.openai.com/docs/api-reference/embeddings/create"""
_TEXT_TOKENS: Final = 8_000


class LangChainEmbedder(Connected["OpenAIEmbeddings"]):
    """An Embedder over `langchain_openai.OpenAIEmbeddings`.

    Without a `dimension` the model's own is asked for once, by `learn_dimension` or the first `embed`; until then
    `dimension` raises.
    """

    def __init__(self, access: Access, *, dimension: int | None = None, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        super().__init__(access, prices=prices)
        self._wanted = dimension
        self._dimension = dimension
        self._sends_dimension = dimension is not None

    @property
    def dimension(self) -> int:
        """Length of the vectors. Raises AppError(LLM_UNAVAILABLE) while it is unknown."""
        if self._dimension is None:
            raise AppError(
                Code.LLM_UNAVAILABLE,
                f"The vector length of {self.model} is not known yet: {self.provider} has not answered. Set DESKLORE_EMBED_DIMENSION, or "
                "check that the provider can be reached.",
            )
        return self._dimension

    @property
    def semantic(self) -> bool:
        """A trained model: its vectors may weigh in the fusion."""
        return True

    async def learn_dimension(self) -> int:
        """The length of the vectors, asked for with one short text where it is not known."""
        if self._dimension is None:
            await self.embed(["dimension"], Purpose.EMBED_QUERY)
        return self.dimension

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:  # noqa: ARG002 - the port's signature
        """One L2-normalized vector a text, in order; texts longer than the model takes are clipped.

        Raises AppError with an LLM_* code; LLM_MODEL_WRONG where the server's vectors have another length than was set.
        """
        client = await self._ready()
        # An empty input is rejected: https://platform.openai.com/docs/api-reference/embeddings/create
        clipped = [clip_tokens(text, _TEXT_TOKENS) if text.strip() else "-" for text in texts]
        vectors: list[list[float]] = []
        usage = Usage()
        for batch in _batches(clipped):
            found, used = await self._caller.retrying(partial(self._conceding, client, batch))
            vectors += found
            usage += used
        return vectors, usage

    def _make(self) -> "tuple[OpenAIEmbeddings, Any]":
        # Loaded at first use: start-up must stay fast for those who use no model.
        from langchain_openai import OpenAIEmbeddings  # noqa: PLC0415

        http = self._caller.http_client()
        # Its length check would fetch a tokenizer's table over the network; `clip_tokens` keeps the limit instead.
        made = OpenAIEmbeddings(**self._caller.client_options(), http_async_client=http, check_embedding_ctx_length=False)
        return made, http

    async def _conceding(self, client: "OpenAIEmbeddings", batch: list[str]) -> tuple[list[list[float]], Usage]:
        """Ask; where the model has one length only and rejects to be told, ask without."""
        sends = self._sends_dimension
        try:
            return await self._ask(client, batch, {DIMENSIONS: self._wanted} if sends else {})
        except AppError as error:
            if not sends or error.details.get("reason") != DIMENSIONS:
                raise
            self._sends_dimension = False
            return await self._ask(client, batch, {})

    async def _ask(self, client: "OpenAIEmbeddings", batch: list[str], options: dict[str, Any]) -> tuple[list[list[float]], Usage]:
        async with self._caller.slot(), asyncio.timeout(self._access.timeout):
            # `aembed_documents` drops the usage the provider reports, so the client it wraps is called.
            answer = await client.async_client.create(input=batch, model=self.model, **options)
            if len(answer.data) != len(batch):
                raise ValueError("another number of vectors than of texts")
            vectors = [_normalized(row.embedding) for row in sorted(answer.data, key=lambda row: row.index)]
        self._check(vectors)
        tokens = answer.usage.prompt_tokens if answer.usage else 0
        return vectors, cost_of(self._prices, self.model, tokens, 0)

    def _check(self, vectors: list[list[float]]) -> None:
        length = len(vectors[0])
        if self._dimension is None:
            self._dimension = length
        if any(len(vector) != self._dimension for vector in vectors):
            raise AppError(
                Code.LLM_MODEL_WRONG,
                f"{self.model} makes vectors of {length} numbers, not {self._dimension}. Set DESKLORE_EMBED_DIMENSION to {length}.",
            )


def _batches(texts: Sequence[str]) -> list[list[str]]:
    """At most `_BATCH` texts and `_BATCH_CHARS` characters each; one text may be longer than that alone."""
    batches: list[list[str]] = []
    remaining = iter(texts)
    while group := list(islice(remaining, _BATCH)):
        start, size = 0, 0
        for position, text in enumerate(group):
            size += len(text)
            if size > _BATCH_CHARS and position > start:
                batches.append(group[start:position])
                start, size = position, len(text)
        batches.append(group[start:])
    return batches


def _normalized(vector: Sequence[float]) -> list[float]:
    norm = math.sqrt(sum(value * value for value in vector))
    return [value / norm for value in vector] if norm else list(vector)

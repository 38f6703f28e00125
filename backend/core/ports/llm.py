"""Language models and embedders."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from backend.core.errors import AppError
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Purpose, Usage
from backend.core.model.document import Part


class ChatModel(Protocol):
    """A model that answers prompts. Raises AppError with an LLM_* code; a refusal is LLM_REFUSED, never a text."""

    @property
    def provider(self) -> str:
        """`openai`, `offline`, …"""

    @property
    def model(self) -> str:
        """The model's name, part of cache keys."""

    async def complete(self, prompt: Prompt) -> Completion:
        """The whole answer. With `prompt.schema` the text is JSON; whether it fits is the caller's to validate."""

    def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """The answer as it comes; the last Delta carries the usage."""


class Embedder(Protocol):
    """Turns texts into vectors of `dimension` floats, L2-normalized."""

    @property
    def provider(self) -> str:
        """`openai`, `offline`, …"""

    @property
    def model(self) -> str:
        """The model's name; with the tokenizer's it names the collection."""

    @property
    def dimension(self) -> int:
        """Length of its vectors."""

    @property
    def semantic(self) -> bool:
        """False for a lexical stand-in, whose vectors must not weigh in the fusion by default."""

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        """One vector a text, in order. Batches as the provider allows. Raises AppError with an LLM_* code."""


class Reranker(Protocol):
    """A model that reads a question and a text together and says how well the one answers the other (a cross-encoder)."""

    @property
    def provider(self) -> str:
        """`reranker`, …"""

    @property
    def model(self) -> str:
        """The model's name."""

    async def judge(self, question: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """How well each text answers, 0 to 10, in order. Raises AppError with an LLM_* code, soon: a person waits."""


@runtime_checkable
class Masking(Protocol):
    """What a ChatModel, Embedder or Reranker also is that masks personal data before it asks the provider."""

    @property
    def masking(self) -> str:
        """The version of the masking."""


def masking_of(model: ChatModel | Embedder | Reranker) -> str:
    """Part of every cache key of what `model` makes; empty where it sees texts as they are."""
    return model.masking if isinstance(model, Masking) else ""


@runtime_checkable
class BookedChat(Protocol):
    """What a ChatModel also is whose calls are booked: what is kept of an answer is written with the booking, both or neither."""

    async def complete_and_keep(self, prompt: Prompt, results: Callable[[Completion], Mapping[str, bytes]]) -> Completion:
        """As `complete`; `results` says what to keep, by key. What it raises is raised, and the call is booked all the same."""
        ...


@runtime_checkable
class BookedEmbedder(Protocol):
    """What an Embedder also is whose calls are booked, likewise."""

    async def embed_and_keep(
        self, texts: Sequence[str], purpose: Purpose, results: Callable[[list[list[float]]], Mapping[str, bytes]]
    ) -> tuple[list[list[float]], Usage]:
        """As `embed`; `results` says what to keep, by key."""
        ...


Summarizer = Callable[[str, Sequence[Part]], str]
"""Makes the answer to a summary prompt of a title and parts. A pure function: it may run in another process."""


@runtime_checkable
class OnTheSpot(Protocol):
    """What a ChatModel also is that asks nobody for a summary: many are made at once, and what they are made of with them."""

    @property
    def summarizer(self) -> Summarizer | None:
        """The function; None where the model behind a wrapper has none."""


def summarizer_of(model: ChatModel) -> Summarizer | None:
    """What makes summaries without asking `model`; None for a model that has to be asked."""
    return model.summarizer if isinstance(model, OnTheSpot) else None


class CircuitState(StrEnum):
    """Whether a provider's model is asked at all."""

    CLOSED = "closed"
    OPEN = "open"
    """It failed too often: calls fail at once."""
    HALF_OPEN = "half_open"
    """The pause is over: one call tries whether it works again."""


class CircuitView(Protocol):
    """How the circuit breaker of a model stands."""

    @property
    def provider(self) -> str:
        """`openai`, …"""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def state(self) -> CircuitState:
        """How it is right now."""

    @property
    def seconds(self) -> float:
        """Until a call may try again."""

    @property
    def trouble(self) -> AppError | None:
        """What the last call failed with; None where it worked."""

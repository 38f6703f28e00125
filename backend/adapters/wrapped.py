"""What every wrapper around a model has in common: in all it does not change, it is the model it holds."""

from collections.abc import AsyncGenerator, AsyncIterator

from backend.core.model.answer import Delta
from backend.core.ports.llm import ChatModel, Embedder, Reranker, masking_of


class WrappedModel:
    """The names of the model behind it."""

    def __init__(self, behind: ChatModel | Embedder | Reranker) -> None:
        self._behind = behind

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._behind.provider

    @property
    def model(self) -> str:
        """The model's name."""
        return self._behind.model

    @property
    def masking(self) -> str:
        """Part of cache keys where the model behind masks personal data; empty where it does not."""
        return masking_of(self._behind)


class WrappedChat(WrappedModel):
    """A ChatModel that holds another; subclasses say what a call does."""

    def __init__(self, chat: ChatModel) -> None:
        super().__init__(chat)
        self._chat = chat


class WrappedEmbedder(WrappedModel):
    """An Embedder that holds another; subclasses say what a call does."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(embedder)
        self._embedder = embedder

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self._embedder.dimension

    @property
    def semantic(self) -> bool:
        """Whether its vectors carry meaning."""
        return self._embedder.semantic


class WrappedReranker(WrappedModel):
    """A Reranker that holds another; subclasses say what a call does."""

    def __init__(self, reranker: Reranker) -> None:
        super().__init__(reranker)
        self._reranker = reranker


async def freed(stream: AsyncIterator[Delta]) -> AsyncIterator[Delta]:
    """The stream; when it is closed, so is the one behind it, and the model's connection is free at once."""
    try:
        async for delta in stream:
            yield delta
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()

"""Models that never see personal data: it is masked before a text leaves, and put back into what comes home.

`bootstrap.py` puts these around every model of an outside provider, so that no caller can forget it (docs/decisions/0010).
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import msgspec

from backend.adapters.wrapped import WrappedChat, WrappedEmbedder, WrappedReranker
from backend.core.model.answer import Completion, Delta, Message, Prompt, ReplyMaterial, SummaryMaterial
from backend.core.model.budget import Purpose, Usage
from backend.core.model.personal import ALL_KINDS, Kind
from backend.core.model.ticket import Role
from backend.core.ports.llm import ChatModel, Embedder, Reranker
from backend.core.text.masking import HOW_TO_COPY, Mask, blur, version_of


class MaskedChat(WrappedChat):
    """A ChatModel that masks the messages and restores the answer; what it masked is forgotten with the call.

    `prompt.material` stays as it is: it is for the model on this machine and is never sent.
    """

    def __init__(self, chat: ChatModel, kinds: frozenset[Kind] = ALL_KINDS) -> None:
        super().__init__(chat)
        self._kinds = kinds

    @property
    def masking(self) -> str:
        """Its own version: what it makes is another model's work than without it."""
        return version_of(self._kinds)

    async def complete(self, prompt: Prompt) -> Completion:
        """As the model behind it, with the values in place of the placeholders."""
        mask, masked = _masked(prompt, self._kinds)
        completion = await self._chat.complete(masked)
        return msgspec.structs.replace(completion, text=mask.restore(completion.text, in_json=prompt.schema is not None))

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """As the model behind it; a piece that ends within a placeholder waits for the next one."""
        mask, masked = _masked(prompt, self._kinds)
        restorer = mask.restorer(in_json=prompt.schema is not None)
        stream = self._chat.stream(masked)
        try:
            async for delta in stream:
                text = restorer.feed(delta.text)
                if delta.usage is not None:
                    text += restorer.finish()
                    if text:
                        yield Delta(text=text)
                    yield msgspec.structs.replace(delta, text="")
                elif text:
                    yield msgspec.structs.replace(delta, text=text)
            if rest := restorer.finish():
                yield Delta(text=rest)
        finally:
            # A reader that goes away must free the model's connection now.
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()


class MaskedEmbedder(WrappedEmbedder):
    """An Embedder that sees the kind of each personal value and not the value: questions and documents alike."""

    def __init__(self, embedder: Embedder, kinds: frozenset[Kind] = ALL_KINDS) -> None:
        super().__init__(embedder)
        self._kinds = kinds

    @property
    def masking(self) -> str:
        """Its own version: what it makes is another model's work than without it."""
        return version_of(self._kinds)

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        """As the embedder behind it."""
        return await self._embedder.embed([blur(text, self._kinds) for text in texts], purpose)


class MaskedReranker(WrappedReranker):
    """A Reranker that sees the kind of each personal value and not the value: in the question and in the texts."""

    def __init__(self, reranker: Reranker, kinds: frozenset[Kind] = ALL_KINDS) -> None:
        super().__init__(reranker)
        self._kinds = kinds

    async def judge(self, question: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """As the model behind it."""
        return await self._reranker.judge(blur(question, self._kinds), [blur(text, self._kinds) for text in texts])


def _masked(prompt: Prompt, kinds: frozenset[Kind]) -> tuple[Mask, Prompt]:
    rules = [message for message in prompt.messages if message.role == "system"]
    said = [message for message in prompt.messages if message.role != "system"]
    mask = Mask([message.text for message in said], _names(prompt), fixed=[message.text for message in rules], kinds=kinds)
    if not mask:
        return mask, prompt
    # Rules are our own words, where a name is only a word; values in them (a tone that somebody typed) are masked all the same.
    texts = iter(mask.texts)
    fixed = iter(mask.fixed)
    messages = [msgspec.structs.replace(message, text=next(fixed if message.role == "system" else texts)) for message in prompt.messages]
    if rules:
        first = next(number for number, message in enumerate(messages) if message.role == "system")
        messages[first] = msgspec.structs.replace(messages[first], text=f"{messages[first].text}\n\n{HOW_TO_COPY}")
    else:
        messages.insert(0, Message(role="system", text=HOW_TO_COPY))
    return mask, msgspec.structs.replace(prompt, messages=tuple(messages))


def _names(prompt: Prompt) -> set[str]:
    """Who takes part, where the prompt's material tells: the customer, the agent and the authors of the turns."""
    material = prompt.material
    if not isinstance(material, SummaryMaterial | ReplyMaterial):
        return set()
    names = {part.author for part in material.parts if part.role is not Role.SYSTEM}
    return names | {material.customer, material.agent} if isinstance(material, ReplyMaterial) else names

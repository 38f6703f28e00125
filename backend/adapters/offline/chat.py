"""The offline language model: extracts and quotes instead of writing; no key, no network, the same answer every time."""

import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from backend.adapters.offline.answer import answer
from backend.adapters.offline.reply import reply
from backend.adapters.offline.rewrite import rewrite
from backend.adapters.offline.summarize import summarize
from backend.core.model.answer import AnswerMaterial, Completion, Delta, Prompt, RerankMaterial, RewriteMaterial, SummaryMaterial
from backend.core.model.budget import Usage
from backend.core.model.document import Part
from backend.core.ports.compute import Compute
from backend.core.ports.llm import Summarizer
from backend.core.text.tokens import BigramTokenizer, Tokenizer

_USAGE = Usage(calls=1)
_PIECE = re.compile(r"\S+\s*|\s+")


class OfflineChat:
    """A ChatModel that reads `prompt.material` and not the messages. Its calls count, but cost no tokens."""

    def __init__(self, tokenizer: Tokenizer | None = None, compute: Compute | None = None) -> None:
        self._tokenizer = tokenizer or BigramTokenizer()
        self._compute = compute

    @property
    def provider(self) -> str:
        """Always `offline`."""
        return "offline"

    @property
    def model(self) -> str:
        """Name and version of the extraction; a change in what it answers changes it."""
        return "extractive-1"

    @property
    def summarizer(self) -> Summarizer:
        """What `complete` answers a summary prompt with."""
        return _summary

    async def complete(self, prompt: Prompt) -> Completion:
        """A summary as JSON, a quoting answer, a reply draft or a draft written anew, by the kind of material.

        Raises LANGUAGE_MODEL_NEEDED for what needs words that are in no source.
        """
        material = prompt.material
        if self._compute is not None and isinstance(material, SummaryMaterial):
            # A sync makes thousands of summaries while others wait for an answer.
            text = await self._compute.run(_summary, material.title, material.parts)
        else:
            text = self._write(prompt)
        return Completion(text=text, usage=_USAGE, model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """The same, word by word."""
        for piece in _PIECE.findall(self._write(prompt)):
            yield Delta(text=piece)
        yield Delta(usage=_USAGE)

    def _write(self, prompt: Prompt) -> str:
        material = prompt.material
        if isinstance(material, SummaryMaterial):
            return _summary(material.title, material.parts)
        if isinstance(material, AnswerMaterial):
            return answer(material, self._tokenizer)
        if isinstance(material, RewriteMaterial):
            return rewrite(material, self._tokenizer)
        if isinstance(material, RerankMaterial):
            # No opinion: the order stays as it is.
            return '{"scores": []}'
        return reply(material, self._tokenizer)


def _summary(title: str, parts: Sequence[Part]) -> str:
    return msgspec.json.encode(summarize(title, parts)).decode()

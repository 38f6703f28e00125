"""The offline language model: extracts and quotes instead of writing; no key, no network, the same answer every time."""

import re
from collections.abc import AsyncIterator

import msgspec

from backend.adapters.offline.answer import answer, reply
from backend.adapters.offline.summarize import summarize
from backend.core.model.answer import AnswerMaterial, Completion, Delta, Prompt, SummaryMaterial
from backend.core.model.budget import Usage
from backend.core.text.tokens import BigramTokenizer, Tokenizer

_USAGE = Usage(calls=1)
_PIECE = re.compile(r"\S+\s*|\s+")


class OfflineChat:
    """A ChatModel that reads `prompt.material` and not the messages. Its calls count, but cost no tokens."""

    def __init__(self, tokenizer: Tokenizer | None = None) -> None:
        self._tokenizer = tokenizer or BigramTokenizer()

    @property
    def provider(self) -> str:
        """Always `offline`."""
        return "offline"

    @property
    def model(self) -> str:
        """Name and version of the extraction; a change in what it answers changes it."""
        return "extractive-1"

    async def complete(self, prompt: Prompt) -> Completion:
        """A summary as JSON, a quoting answer, or a reply draft, by the kind of material."""
        return Completion(text=self._write(prompt), usage=_USAGE, model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """The same, word by word."""
        for piece in _PIECE.findall(self._write(prompt)):
            yield Delta(text=piece)
        yield Delta(usage=_USAGE)

    def _write(self, prompt: Prompt) -> str:
        material = prompt.material
        if isinstance(material, SummaryMaterial):
            return msgspec.json.encode(summarize(material.title, material.parts)).decode()
        if isinstance(material, AnswerMaterial):
            return answer(material, self._tokenizer)
        return reply(material, self._tokenizer)

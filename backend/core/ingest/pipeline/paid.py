"""Results that were paid for are kept as they are booked: a process that is killed pays again for calls under way, and for no others.

Why in one transaction: docs/decisions/0056-booked-and-kept-at-once.md.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from weakref import WeakValueDictionary

from backend.core.ingest import embed, summarize
from backend.core.model.answer import Completion, Prompt
from backend.core.model.budget import Purpose, Usage
from backend.core.model.document import Chunk, Summary
from backend.core.ports.counted import count_lookups
from backend.core.ports.kept_vectors import decode, encode, vector_key
from backend.core.ports.llm import BookedChat, BookedEmbedder, ChatModel, Embedder
from backend.core.ports.services import Services


def paid_summaries(services: Services, company_id: str, chat: ChatModel) -> "PaidSummaries | None":
    """Where the summaries of this model are kept; None where they cost nothing."""
    return PaidSummaries(services, company_id, chat) if isinstance(chat, BookedChat) else None


class PaidSummaries:
    """Summaries of a provider's model, in the tenant's cache."""

    def __init__(self, services: Services, company_id: str, chat: BookedChat) -> None:
        self._services = services
        self._company_id = company_id
        self._chat = chat
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._absent: set[str] = set()
        """Keys that were looked for and not found, and not asked for since: there is no need to look again."""

    async def get(self, key: str) -> Summary | None:
        """The one kept under this key."""
        return (await self.get_many([key])).get(key)

    async def get_many(self, keys: Sequence[str]) -> dict[str, Summary]:
        """Those that are kept, by key."""
        async with self._services.database.open(self._company_id) as uow:
            cached = await uow.usage.get_cached(keys)
        found = {key: summary for key, data in cached.items() if (summary := summarize.decode(data)) is not None}
        self._absent.update(set(keys) - found.keys())
        return found

    async def ask(self, key: str, prompt: Prompt, read: Callable[[Completion], Summary]) -> tuple[Summary, Usage]:
        """The one kept under this key, else what `read` makes of the model's answer, kept as it is booked.

        Who wants the same meanwhile waits for it. Raises what the model and `read` raise.
        """
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            if key in self._absent:
                self._absent.discard(key)
            elif (known := await self.get(key)) is not None:
                return known, Usage()
            made: list[Summary] = []

            def results(completion: Completion) -> Mapping[str, bytes]:
                made.append(read(completion))
                return {key: summarize.encode(made[0])}

            completion = await self._chat.complete_and_keep(prompt, results)
            return made[0], completion.usage

    async def put(self, key: str, summary: Summary) -> None:
        """Keep one."""
        async with self._services.database.open(self._company_id) as uow:
            await uow.usage.put_cached({key: summarize.encode(summary)}, Purpose.SUMMARY)


def is_paid(provider: str) -> bool:
    """Whether a result costs money or a network trip: what the offline models make is cheaper than looking it up.

    Calls of a provider are booked as they are made (`Services.models_of`); the pipeline books those of this machine only.
    """
    return provider != "offline"


async def embed_paid(services: Services, company_id: str, chunks: Sequence[Chunk], embedder: Embedder) -> embed.Embedded:
    """Vectors of all chunks: those paid for before from the cache, the others kept call by call. Raises the Embedder's errors."""
    if not isinstance(embedder, BookedEmbedder) or not chunks:
        return await embed.embed_chunks(chunks, embedder=embedder)
    keys = {vector_key(embedder, chunk.text) for chunk in chunks}
    async with services.database.open(company_id) as uow:
        cached = await uow.usage.get_cached(keys)
    count_lookups(services.meter, "vector", len(keys), len(cached))

    async def ask(texts: Mapping[str, str]) -> tuple[list[list[float]], Usage]:
        def results(vectors: Sequence[Sequence[float]]) -> Mapping[str, bytes]:
            return {key: encode(vector) for key, vector in zip(texts, vectors, strict=True)}

        return await embedder.embed_and_keep([*texts.values()], Purpose.EMBED_DOCUMENT, results)

    known = {key: decode(data) for key, data in cached.items()}
    return await embed.embed_chunks(chunks, embedder=embedder, cached=known, ask=ask)

"""Results that were paid for are kept the moment they come: a process that is killed pays again for calls under way, and for no others."""

from collections.abc import Mapping, Sequence

from backend.core.ingest import embed, summarize
from backend.core.model.budget import Purpose
from backend.core.model.document import Chunk, Summary
from backend.core.ports.kept_vectors import decode, encode, vector_key
from backend.core.ports.llm import Embedder
from backend.core.ports.services import Services


class PaidSummaries:
    """Summaries of a provider's model, in the tenant's cache; each in a transaction of its own."""

    def __init__(self, services: Services, company_id: str) -> None:
        self._services = services
        self._company_id = company_id

    async def get(self, key: str) -> Summary | None:
        """The one kept under this key."""
        return (await self.get_many([key])).get(key)

    async def get_many(self, keys: Sequence[str]) -> dict[str, Summary]:
        """Those that are kept, by key."""
        async with self._services.database.open(self._company_id) as uow:
            cached = await uow.usage.get_cached(keys)
        return {key: summary for key, data in cached.items() if (summary := summarize.decode(data)) is not None}

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
    if not is_paid(embedder.provider) or not chunks:
        return await embed.embed_chunks(chunks, embedder=embedder)
    keys = {vector_key(embedder, chunk.text) for chunk in chunks}
    async with services.database.open(company_id) as uow:
        cached = await uow.usage.get_cached(keys)
    tell_cache(services, "vector", len(keys), len(cached))

    async def keep(fresh: Mapping[str, Sequence[float]]) -> None:
        async with services.database.open(company_id) as uow:
            await uow.usage.put_cached({key: encode(vector) for key, vector in fresh.items()}, Purpose.EMBED_DOCUMENT)

    known = {key: decode(data) for key, data in cached.items()}
    return await embed.embed_chunks(chunks, embedder=embedder, cached=known, keep=keep)


def tell_cache(services: Services, cache: str, asked: int, found: int) -> None:
    """Count what the cache had and what it had not."""
    services.meter.count("cache_lookups", found, cache=cache, outcome="hit")
    services.meter.count("cache_lookups", asked - found, cache=cache, outcome="miss")

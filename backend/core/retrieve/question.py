"""The vector of a question: remembered, asked of a provider once for all who ask alike, and not waited for long."""

from typing import Final

from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.model.budget import Purpose, Usage
from backend.core.ports.counted import count_lookups
from backend.core.ports.kept_vectors import decode, encode, vector_key
from backend.core.ports.llm import Embedder
from backend.core.ports.services import Services

_KEEP_SECONDS: Final = 3_600.0
"""The vector of a question never changes; this bounds how many are kept."""


class Meant(Struct, frozen=True, kw_only=True):
    """A question's vector and what it cost, or why there is none."""

    vector: list[float] | None
    usage: Usage = Usage()
    missing: AppError | None = None


async def question_vector(
    services: Services, company_id: str, embedder: Embedder, text: str, *, indexed: str = "", ask: bool = True
) -> Meant:
    """The vector of this question, at last after `Policy.question_vector_seconds`; the same one is asked page by page, and by many.

    That of `indexed` is as good, where it is known: then no provider is asked. A provider that fails, takes longer, or must not be
    asked, is told in `missing`; what it answers late is kept for whoever asks next.
    """
    if not text.strip():
        return Meant(vector=None)
    if embedder.provider == "offline":
        vectors, usage = await embedder.embed([text], Purpose.EMBED_QUERY)
        return Meant(vector=vectors[0], usage=usage)
    known = await _of_indexed(services, company_id, embedder, indexed) or await _kept(services, company_id, embedder, text)
    if known is not None:
        return Meant(vector=known)
    if not ask:
        return Meant(vector=None, missing=AppError(Code.LLM_UNAVAILABLE, "The vector is not known, and no model may be asked for it."))
    return await _asked(services, company_id, embedder, text)


async def _of_indexed(services: Services, company_id: str, embedder: Embedder, indexed: str) -> list[float] | None:
    if not indexed:
        return None
    key = vector_key(embedder, indexed)
    async with services.database.open(company_id) as uow:
        known = await uow.usage.get_cached([key])
    count_lookups(services.meter, "vector", 1, len(known))
    return decode(known[key]) if key in known else None


async def _kept(services: Services, company_id: str, embedder: Embedder, text: str) -> list[float] | None:
    data = await services.kept(company_id, "question").get(_key(embedder, text))
    return None if data is None else decode(data)


async def _asked(services: Services, company_id: str, embedder: Embedder, text: str) -> Meant:
    kept, key, seconds = services.caches.open(company_id), _key(embedder, text), services.policy.question_vector_seconds

    async def made() -> list[float]:
        # What a provider's call costs is booked as it is made.
        vectors, _ = await embedder.embed([text], Purpose.EMBED_QUERY)
        await kept.put(key, encode(vectors[0]), _KEEP_SECONDS)
        return vectors[0]

    try:
        vector = await services.flights.join(company_id, key, made, seconds)
    except AppError as error:
        return Meant(vector=None, missing=error)
    if vector is None:
        late = f"{embedder.provider}:{embedder.model} gave no vector of the question within {seconds:g} s; ask again."
        return Meant(vector=None, missing=AppError(Code.LLM_UNAVAILABLE, late))
    return Meant(vector=vector)


def _key(embedder: Embedder, text: str) -> str:
    return "question/" + vector_key(embedder, text)

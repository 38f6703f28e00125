"""The vector of a question: remembered, asked of a provider once for all who ask alike, and not waited for long."""

from array import array
from typing import Final

from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.ids import text_hash
from backend.core.model.budget import Purpose, Usage
from backend.core.ports.llm import Embedder, masking_of
from backend.core.ports.services import Services

_KEEP_SECONDS: Final = 3_600.0
"""The vector of a question never changes; this bounds how many are kept."""


class Meant(Struct, frozen=True, kw_only=True):
    """A question's vector and what it cost, or why there is none."""

    vector: list[float] | None
    usage: Usage = Usage()
    missing: AppError | None = None


async def question_vector(services: Services, company_id: str, embedder: Embedder, text: str) -> Meant:
    """The vector of this question, at last after `Policy.question_vector_seconds`; the same one is asked page by page, and by many.

    A provider that fails, or takes longer, is told in `missing`. What it answers later is kept for whoever asks next.
    """
    if not text.strip():
        return Meant(vector=None)
    if embedder.provider == "offline":
        vectors, usage = await embedder.embed([text], Purpose.EMBED_QUERY)
        return Meant(vector=vectors[0], usage=usage)
    kept, seconds = services.caches.open(company_id), services.policy.question_vector_seconds
    key = "question/" + text_hash(masking_of(embedder), embedder.provider, embedder.model, str(embedder.dimension), text)
    if (data := await kept.get(key)) is not None:
        return Meant(vector=array("f", data).tolist())

    async def made() -> list[float]:
        # What a provider's call costs is booked as it is made.
        vectors, _ = await embedder.embed([text], Purpose.EMBED_QUERY)
        await kept.put(key, array("f", vectors[0]).tobytes(), _KEEP_SECONDS)
        return vectors[0]

    try:
        vector = await services.flights.join(company_id, key, made, seconds)
    except AppError as error:
        return Meant(vector=None, missing=error)
    if vector is None:
        late = f"{embedder.provider}:{embedder.model} gave no vector of the question within {seconds:g} s; ask again."
        return Meant(vector=None, missing=AppError(Code.LLM_UNAVAILABLE, late))
    return Meant(vector=vector)

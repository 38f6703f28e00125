"""The points of many Documents, for the index that new vectors go into and for one that is still searched beside it."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from backend.core.errors import AppError
from backend.core.ingest.index import points_of
from backend.core.ingest.pipeline.paid import embed_paid
from backend.core.model.document import Chunk, DocState, Document
from backend.core.model.search import Point
from backend.core.ports.services import Services
from backend.core.ports.vectors import VectorIndex
from backend.core.text.sparse import SparseEncoder

_LINGER_SECONDS: Final = 2.0
"""Longer than a search takes that began before the switch."""

Vectors = Sequence[list[float] | None]


async def make_points(
    services: Services, documents: Sequence[Document], chunks: Sequence[list[Chunk]], vectors: Vectors | None, encoder: SparseEncoder
) -> list[Point]:
    """The points of all Documents, their sparse vectors made beside the event loop."""
    calls = []
    at = 0
    for document, of_one in zip(documents, chunks, strict=True):
        mine = vectors[at : at + len(of_one)] if vectors is not None else None
        at += len(of_one)
        # A point needs what the Document is called, not what it says.
        calls.append((msgspec.structs.replace(document, parts=()), of_one, mine, encoder))
    if not encoder.portable:
        return [point for call in calls for point in points_of(*call)]
    made = await asyncio.gather(*(services.compute.run(points_of, *call) for call in calls))
    return [point for points in made for point in points]


async def points_for_older(
    services: Services, company_id: str, documents: Sequence[Document], chunks: Sequence[list[Chunk]]
) -> list[Point]:
    """The points of those that changed, by what made the index that is still searched; none where no other one is being built.

    Where the older embedder fails, they are found there by their words until the switch.
    """
    changed = [(document, mine) for document, mine in zip(documents, chunks, strict=True) if document.indexed_at is None]
    if not changed or await services.indexes.building(company_id) is None:
        return []
    makers = (await services.indexes.open(company_id)).makers
    encoders = await services.encoders_of(company_id, makers)
    if encoders is None:
        return []
    vectors: Vectors | None = None
    if encoders.embed is not None:
        try:
            made = await embed_paid(services, company_id, [chunk for _, mine in changed for chunk in mine], encoders.embed)
            vectors = made.vectors
        except AppError:
            services.meter.count("older_index_without_vectors", len(changed))
    return await make_points(services, [document for document, _ in changed], [mine for _, mine in changed], vectors, encoders.encoder)


async def written_to(services: Services, company_id: str) -> VectorIndex:
    """The index that new points go into: the one being built, else the one that is searched."""
    return await services.indexes.building(company_id) or await services.indexes.open(company_id)


async def switch_when_whole(services: Services, company_id: str) -> bool:
    """Let the index that was built be searched, once every Document is in it; returns whether it was switched.

    Until then the older one answers: an index with half of the Documents would answer half of the questions.
    """
    if await services.indexes.building(company_id) is None:
        return False
    async with services.database.open(company_id) as uow:
        states = await uow.documents.counts()
    if states.get(DocState.PENDING) or states.get(DocState.PROCESSING):
        return False
    await services.indexes.switch(company_id)
    services.meter.count("index_switches")
    await asyncio.sleep(_LINGER_SECONDS)
    await services.indexes.tidy(company_id)
    return True

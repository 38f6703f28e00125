"""Documents from the store to points in one trip beside the event loop, where no model has to be asked on the way.

A Document crosses to another process once, is summarized, cut and encoded there, and comes back as points. With a model of a
provider, or with dense vectors, the steps stay apart (`process.py`). Both ways it crosses as JSON, which takes a fraction of the
time that pickling takes.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct, structs

from backend.core.errors import AppError
from backend.core.ingest import summarize
from backend.core.ingest.embed import chunk_document
from backend.core.ingest.index import points_of
from backend.core.model.budget import Purpose
from backend.core.model.document import Document
from backend.core.model.search import Point
from backend.core.ports.llm import Summarizer, summarizer_of
from backend.core.ports.services import Services
from backend.core.text.sparse import SparseEncoder


class Maker(Struct, frozen=True, kw_only=True):
    """What makes points of a Document without asking anybody."""

    write: Summarizer
    made_by: str
    """Provider and model, for a summary that is not valid."""
    encoder: SparseEncoder


class Made(Struct, frozen=True, kw_only=True):
    """What became of one Document."""

    summarized: summarize.Summarized
    points: list[Point]


_documents = msgspec.json.Decoder(Document)
_made = msgspec.json.Decoder(Made)


async def maker_of(services: Services, company_id: str) -> Maker | None:
    """What makes the tenant's points in one trip; None where a model has to be asked, or a second index is being built."""
    chat = (await services.models_of(company_id)).summarize
    write = summarizer_of(chat)
    if write is None or services.policy.dense_weight > 0 or not services.encoder.portable:
        return None
    if await services.indexes.building(company_id) is not None:
        return None
    return Maker(write=write, made_by=f"{chat.provider}:{chat.model}", encoder=services.encoder)


async def make_all(
    services: Services, maker: Maker, documents: Sequence[Document], questions: Mapping[str, Sequence[str]]
) -> list[Made | AppError]:
    """What became of each Document, in order; an AppError where its summary is not valid."""
    began = time.perf_counter()
    came = await asyncio.gather(
        *(
            services.compute.run(make, maker, msgspec.json.encode(document), tuple(questions.get(document.document_id, ())))
            for document in documents
        )
    )
    made = [one if isinstance(one, AppError) else _made.decode(one) for one in came]
    model = maker.made_by.partition(":")[2]
    if calls := sum(0 if isinstance(one, AppError) else one.summarized.usage.calls for one in made):
        services.meter.count("llm_calls", calls, purpose=Purpose.SUMMARY.value, model=model, outcome="ok")
        services.meter.observe("llm_seconds", (time.perf_counter() - began) / calls, purpose=Purpose.SUMMARY.value, model=model)
    for error in (one for one in made if isinstance(one, AppError)):
        services.meter.count("llm_calls", 1, purpose=Purpose.SUMMARY.value, model=model, outcome=error.code.value)
    return made


def make(maker: Maker, encoded: bytes, questions: tuple[str, ...]) -> bytes | AppError:
    """In another process: what is made of one Document, as JSON."""
    document = _documents.decode(encoded)
    if document.summary is not None or document.internal_summary is not None:
        # Only the text of a file was added since: what people said to each other is summarized already.
        summarized = summarize.Summarized(summary=document.summary, internal_summary=document.internal_summary)
    else:
        try:
            summarized = summarize.summarize_on_the_spot(document, maker.write, maker.made_by)
        except AppError as error:
            return error
    document = structs.replace(document, summary=summarized.summary, internal_summary=summarized.internal_summary)
    chunks = chunk_document(document, questions)
    points = points_of(document, chunks, None, maker.encoder)
    # The words that a point is found by are in its vector now.
    points = [structs.replace(point, chunk=structs.replace(point.chunk, lexical="")) for point in points]
    return msgspec.json.encode(Made(summarized=summarized, points=points))

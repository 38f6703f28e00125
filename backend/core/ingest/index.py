"""Put Chunks, vectors and the Document's filterable fields together as points of the index."""

from collections.abc import Sequence

from backend.core.ids import point_id
from backend.core.model.document import Chunk, Document
from backend.core.model.search import Point
from backend.core.text.sparse import SparseEncoder


def points_of(
    document: Document, chunks: Sequence[Chunk], vectors: Sequence[list[float] | None] | None, encoder: SparseEncoder
) -> list[Point]:
    """One Point a Chunk of this Document, ids the same on every run. `vectors` None: found by terms only."""
    dense: Sequence[list[float] | None] = vectors if vectors is not None else [None] * len(chunks)
    return [
        Point(
            point_id=point_id(document.document_id, chunk.ordinal),
            chunk=chunk,
            dense=vector,
            sparse=encoder.document(chunk.lexical),
            doc_type=document.doc_type,
            platform=document.platform,
            original_id=document.original_id,
            title=document.title,
            status=document.status,
            product=document.product,
            tags=document.tags,
            language=_language(document),
            url=document.url,
            updated_at=document.updated_at,
            groups=document.groups,
        )
        for chunk, vector in zip(chunks, dense, strict=True)
    ]


def _language(document: Document) -> str:
    """The language people see: the Document's own, else the one its summary is written in."""
    return document.language or (document.summary.language if document.summary else "")

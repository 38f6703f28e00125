"""Point to payload and back. The shape is langchain-qdrant's: `page_content` and `metadata`."""

from datetime import datetime
from typing import Any

from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Point, SparseVector
from backend.storage.qdrant.collections import DENSE, SPARSE
from backend.storage.qdrant.filters import CUSTOMER_SAFE, CUSTOMERS


def to_payload(point: Point) -> dict[str, Any]:
    """What is stored beside the vectors. Empty fields are left out: they are a third of the bytes otherwise."""
    chunk = point.chunk
    metadata = {
        "document_id": chunk.document_id,
        "doc_type": point.doc_type.value,
        "platform": point.platform,
        "original_id": point.original_id,
        "title": point.title,
        "status": point.status,
        "product": point.product,
        "tags": list(point.tags),
        "groups": list(point.groups),
        "language": point.language,
        "visibility": chunk.visibility.value,
        "audience": CUSTOMERS if chunk.visibility in CUSTOMER_SAFE else None,
        "ordinal": chunk.ordinal,
        "kind": chunk.kind,
        "heading": chunk.heading,
        "page": chunk.page,
        "attachment_id": chunk.attachment_id,
        "url": point.url,
        "updated_at": point.updated_at.isoformat(),
        "updated_epoch": point.updated_at.timestamp(),
    }
    kept = {key: value for key, value in metadata.items() if value is not None and value not in ("", [])}
    return {"page_content": chunk.text, "metadata": kept}


def to_chunk(payload: dict[str, Any]) -> Chunk:
    """The chunk of a stored payload; `lexical` is empty, since only the sparse vector was made from it."""
    metadata = payload["metadata"]
    return Chunk(
        document_id=metadata["document_id"],
        ordinal=metadata["ordinal"],
        kind=metadata.get("kind", ""),
        text=payload["page_content"],
        lexical="",
        visibility=Visibility(metadata["visibility"]),
        heading=metadata.get("heading", ""),
        page=metadata.get("page"),
        attachment_id=metadata.get("attachment_id"),
    )


def to_point(point_id: str, payload: dict[str, Any], vector: Any) -> Point:
    """The point of a stored payload and its vectors by name, those of them that were asked for."""
    vectors = vector if isinstance(vector, dict) else {}
    sparse = vectors.get(SPARSE)
    metadata = payload["metadata"]
    return Point(
        point_id=point_id,
        chunk=to_chunk(payload),
        dense=vectors.get(DENSE),
        sparse=SparseVector(tuple(sparse.indices), tuple(sparse.values)) if sparse is not None else SparseVector((), ()),
        doc_type=DocType(metadata["doc_type"]),
        platform=metadata["platform"],
        original_id=metadata["original_id"],
        title=metadata.get("title", ""),
        status=metadata.get("status"),
        product=metadata.get("product"),
        tags=tuple(metadata.get("tags", ())),
        groups=tuple(metadata.get("groups", ())),
        language=metadata.get("language", ""),
        url=metadata.get("url"),
        updated_at=datetime.fromisoformat(metadata["updated_at"]),
    )

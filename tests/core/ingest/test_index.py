"""Points carry the Document's fields and have the same ids on every run."""

import msgspec

from backend.core.ids import point_id
from backend.core.ingest.embed import chunk_document
from backend.core.ingest.index import points_of
from backend.core.model.document import Summary
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import BigramTokenizer
from tests.core.ingest.test_summarize import ANSWERED, ASKED, ticket

ENCODER = SparseEncoder(BigramTokenizer())
DOCUMENT = msgspec.structs.replace(
    ticket(ASKED, ANSWERED),
    document_id="11111111-1111-5111-8111-111111111111",
    status="closed",
    product="VPN",
    tags=("vpn",),
    url="https://x.freshdesk.com/a/tickets/1",
    summary=Summary(problem="문제", solution="해결", language="ko"),
)


def test_points_carry_what_is_filtered_on_and_shown() -> None:
    chunks = chunk_document(DOCUMENT)
    points = points_of(DOCUMENT, chunks, [[1.0, 0.0], [0.0, 1.0]], ENCODER)
    assert [point.point_id for point in points] == [point_id(DOCUMENT.document_id, 0), point_id(DOCUMENT.document_id, 1)]
    assert points == points_of(DOCUMENT, chunks, [[1.0, 0.0], [0.0, 1.0]], ENCODER)
    first = points[0]
    assert (first.chunk, first.dense, first.status, first.product, first.tags) == (chunks[0], [1.0, 0.0], "closed", "VPN", ("vpn",))
    assert (first.original_id, first.platform, first.url, first.language) == ("1", "freshdesk", DOCUMENT.url, "ko")
    assert first.sparse == ENCODER.document(chunks[0].lexical)


def test_without_vectors_points_are_found_by_terms() -> None:
    assert [point.dense for point in points_of(DOCUMENT, chunk_document(DOCUMENT), None, ENCODER)] == [None, None]

"""How points lie in the embedded index."""

from datetime import UTC, datetime
from pathlib import Path

from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Filters, Point, SparseVector
from backend.storage.qdrant import layout
from backend.storage.qdrant.engine import create_shard, load_shard, upsert
from backend.storage.qdrant.filters import AnyOf, Between, Either, conditions
from backend.storage.qdrant.payload import to_payload

MAPS_A_SHARD = 60
"""A thousand open ones fit into what Linux allows a process by default (65,530)."""

POINT = Point(
    point_id="5c56c793-69f3-4fbf-87e6-c4bf54c28c26",
    chunk=Chunk(document_id="doc-1", ordinal=2, kind="body", text="환불은 영업일 3일 안에", lexical="", visibility=Visibility.PUBLIC),
    dense=None,
    sparse=SparseVector((1, 5), (0.5, 1.0)),
    doc_type=DocType.TICKET,
    platform="freshdesk",
    original_id="42",
    title='Refund: "late"',
    status="resolved",
    product="Billing",
    tags=("환불", "a:b"),
    language="ko",
    url="https://acme.freshdesk.com/a/tickets/42",
    updated_at=datetime(2026, 3, 1, tzinfo=UTC),
    groups=("id:7", "name:billing"),
)
EVERY_FILTER = Filters(
    doc_types=(DocType.TICKET,),
    platforms=("freshdesk",),
    exclude_platforms=("file",),
    statuses=("resolved",),
    products=("Billing",),
    tags=("환불",),
    languages=("ko",),
    document_ids=("doc-1",),
    exclude_documents=("doc-2",),
    visibilities=(Visibility.PUBLIC,),
    updated_from=datetime(2026, 1, 1, tzinfo=UTC),
    ticket_groups=("id:7",),
)


def test_a_point_comes_back_as_it_was() -> None:
    assert layout.to_payload_of(layout.to_stored(POINT)) == to_payload(POINT)


def test_every_filter_has_an_indexed_field() -> None:
    """One without would be answered by reading every point, slowly and without a word."""
    wanted = conditions(EVERY_FILTER)
    single = [each for each in (*wanted.must, *wanted.must_not) if not isinstance(each, Either)]
    chosen = [choice for each in wanted.must if isinstance(each, Either) for choice in each.choices]
    customers = conditions(Filters(visibilities=tuple(each for each in Visibility if each is not Visibility.INTERNAL))).must
    stored = layout.to_stored(POINT)
    for condition in (*single, *chosen, *customers):
        assert not isinstance(condition, Either)
        field = layout.field_of(condition.key)
        assert field in (layout.NUMBERS if isinstance(condition, Between) else layout.KEYWORDS)
        assert field in stored
        if isinstance(condition, AnyOf) and field == layout.FACETS:
            assert all(value.partition(":")[0] == condition.key.removeprefix("metadata.") for value in layout.values_of(condition))


def test_a_value_of_one_field_is_none_of_another() -> None:
    stored = layout.to_stored(POINT)
    assert layout.values_of(AnyOf("metadata.tags", ["a:b"]))[0] in stored[layout.FACETS]
    assert layout.values_of(AnyOf("metadata.status", ["환불"]))[0] not in stored[layout.FACETS]


def test_an_open_index_takes_few_maps_of_memory(tmp_path: Path) -> None:
    folder = tmp_path / "shard"
    create_shard(folder, None)
    shard = load_shard(folder, None)
    upsert(shard, [POINT], with_dense=False)
    mapped = sum(str(folder) in line for line in Path("/proc/self/maps").read_text().splitlines())
    shard.close()
    assert mapped <= MAPS_A_SHARD

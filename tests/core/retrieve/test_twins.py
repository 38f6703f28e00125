"""Documents that say the same are shown once, and the one that is shown says so."""

from datetime import UTC, datetime

from backend.core.model.article import Visibility
from backend.core.model.document import Chunk, DocType
from backend.core.model.search import Hit
from backend.core.retrieve.twins import without_twins

TOKENS = range(100)


def _hit(name: str, doc_type: DocType = DocType.TICKET) -> Hit:
    chunk = Chunk(document_id=name, ordinal=0, kind="problem", text=name, lexical="", visibility=Visibility.CONVERSATION)
    return Hit(
        document_id=name,
        doc_type=doc_type,
        platform="freshdesk",
        original_id=name,
        title=name,
        url=None,
        status=None,
        language="ko",
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        chunk=chunk,
        score=1.0,
        coverage=1.0,
    )


def test_near_twins_are_shown_once() -> None:
    shown = without_twins([(_hit("a"), TOKENS), (_hit("b"), range(3, 100)), (_hit("c"), range(50, 150)), (_hit("d"), range(1, 101))], 10)
    assert [hit.document_id for hit in shown] == ["a", "c"]
    assert shown[0].explanation == ("stands for 2 more like it",)
    assert shown[1].explanation == ()


def test_short_texts_and_other_types_are_no_twins() -> None:
    assert len(without_twins([(_hit("a"), (1, 2, 3)), (_hit("b"), (1, 2, 3))], 10)) == 2
    assert len(without_twins([(_hit("a"), TOKENS), (_hit("b", DocType.ARTICLE), TOKENS)], 10)) == 2


def test_no_more_than_wanted() -> None:
    assert [hit.document_id for hit in without_twins([(_hit(str(n)), range(n * 100, n * 100 + 50)) for n in range(5)], 2)] == ["0", "1"]

"""Citations: only numbers that exist, in the order they appear, each with the sentence it points to."""

import msgspec
import pytest

from backend.core.answer.citations import Citer, make_citations, plain_text
from backend.core.answer.context import choose_sources
from tests.core.answer.samples import VPN_ARTICLE, VPN_TICKET, chunk, hit

SOURCES = choose_sources([VPN_TICKET, VPN_ARTICLE])


@pytest.mark.parametrize(
    ("said", "kept", "cited"),
    [
        ("재설정하세요 [2]. 설치하세요 [1].", "재설정하세요 [1]. 설치하세요 [2].", {2: 1, 1: 2}),
        ("둘 다 [1][2]", "둘 다 [1][2]", {1: 1, 2: 2}),
        ("둘 다 [1, 2] 그리고 [2-3]", "둘 다 [1][2] 그리고 [2]", {1: 1, 2: 2}),
        ("없는 번호 [7]. 있는 번호 [1].", "없는 번호. 있는 번호 [1].", {1: 1}),
        ("【1】 전각 괄호", "[1] 전각 괄호", {1: 1}),
        ("【1†source】 다른 표기", "[1] 다른 표기", {1: 1}),
        ("번호가 없습니다.", "번호가 없습니다.", {}),
        ("[0] [999] [경고] [x](y)", " [경고] [x](y)", {}),
        ("[1,7] 섞임", "[1] 섞임", {1: 1}),
        ("끝이 열린 [1", "끝이 열린 [1", {}),
    ],
)
def test_numbers_are_checked_and_renumbered_alike_in_any_pieces(said: str, kept: str, cited: dict[int, int]) -> None:
    for size in (1, 2, 3, 5, len(said)):
        citer = Citer([1, 2])
        text = "".join(citer.feed(said[start : start + size]) for start in range(0, len(said), size)) + citer.finish()
        assert (text, citer.cited) == (kept, cited)


def test_a_citation_names_its_source_and_quotes_the_best_sentence() -> None:
    text = "새 비밀번호로 다시 로그인합니다 [1]. 클라이언트 설치 파일은 포털에 있습니다 [2]."
    first, second = make_citations(text, {1: 1, 2: 2}, SOURCES)
    assert first.quote == "그다음 새 비밀번호로 다시 로그인해 주세요."
    assert (first.document_id, first.chunk_ordinal, first.visibility.value) == ("doc-t", 1, "conversation")
    assert second.quote == "설치 파일은 사내 포털에서 내려받으세요."
    assert (second.number, second.page, second.title, second.score) == (2, 2, "VPN 설치", 0.5)
    assert second.url == "https://x.freshdesk.com/doc-a"


def test_a_citation_of_a_file_names_it() -> None:
    text = "환불은 삼 일 안에 처리됩니다."
    of_file = msgspec.structs.replace(chunk(text, 1, "attachment", page=4), attachment_id="freshdesk-77")
    in_file, elsewhere = choose_sources([hit(of_file), hit(chunk("반품은 칠 일 안에 됩니다.", document_id="doc-2"))])
    cited = make_citations("환불은 삼 일 [1]. 반품은 칠 일 [2].", {1: 1, 2: 2}, [in_file, elsewhere])
    assert [(one.attachment_id, one.page) for one in cited] == [("freshdesk-77", 4), (None, None)]


def test_quotes_are_short_and_verbatim() -> None:
    text = "가나다라 " * 200
    (citation,) = make_citations("가나다라 [1]", {1: 1}, choose_sources([hit(chunk(text))]))
    assert len(citation.quote) <= 300
    assert text.startswith(citation.quote.rstrip("…"))


def test_the_text_for_a_customer_has_no_numbers() -> None:
    assert plain_text("다시 로그인하세요 [1][2].\n설치하세요 [3].") == "다시 로그인하세요.\n설치하세요."

"""Sparse vectors: what BM25 becomes when the index brings the IDF."""

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from backend.core.text.sparse import SparseEncoder, token_id
from backend.core.text.tokens import BigramTokenizer

ENCODER = SparseEncoder(BigramTokenizer())


def test_the_id_names_all_that_made_the_vector() -> None:
    assert ENCODER.id == "bigram-1+bm25-1"


def test_a_question_has_one_for_each_distinct_term() -> None:
    vector = ENCODER.query("오류 오류 로그인")
    assert vector.values == (1.0, 1.0, 1.0)
    assert set(vector.indices) == {crc32(term.encode()) for term in ("오류", "로그", "그인")}


def test_more_of_a_term_weighs_more_but_never_much_more() -> None:
    def weight(times: int) -> float:
        vector = ENCODER.document("오류 " * times + "로그인 화면 결제 " * 5)
        return dict(zip(vector.indices, vector.values, strict=True))[token_id("오류")]

    assert weight(1) < weight(2) < weight(10) < 2.2
    assert weight(2) - weight(1) > weight(10) - weight(9)


def test_the_same_term_weighs_less_in_a_longer_text() -> None:
    short, long = ENCODER.document("오류"), ENCODER.document("오류 " + " ".join(f"word{n}" for n in range(400)))
    value = dict(zip(long.indices, long.values, strict=True))[token_id("오류")]
    assert value < short.values[0]


def test_a_text_without_terms_has_an_empty_vector() -> None:
    assert ENCODER.document("안녕하세요?").indices == ENCODER.query("").indices == ()


@given(st.text(max_size=300))
def test_vectors_are_sorted_distinct_and_positive(text: str) -> None:
    for vector in (ENCODER.document(text), ENCODER.query(text)):
        assert list(vector.indices) == sorted(set(vector.indices))
        assert len(vector.indices) == len(vector.values)
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(value > 0 for value in vector.values)
    assert set(ENCODER.query(text).indices) == set(ENCODER.document(text).indices)

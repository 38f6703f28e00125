"""Token estimates and what is cut by them."""

from hypothesis import given
from hypothesis import strategies as st

from backend.core.text.size import clip_tokens, estimate_tokens

TEXT = st.text(alphabet="가나다 abc.\n", max_size=300)


def test_estimates() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("a" * 36) == 10
    assert estimate_tokens("a" * 37) == 11
    assert estimate_tokens("가나다라") == 3


def test_clips_at_a_border() -> None:
    text = "로그인이 안됩니다. 확인 부탁드립니다. " * 20
    clipped = clip_tokens(text, 50)
    assert clipped.endswith(("안됩니다.", "부탁드립니다."))
    assert clip_tokens("short", 50) == "short"
    assert clip_tokens("anything", 0) == ""


@given(TEXT, st.integers(0, 60))
def test_clipped_text_fits(text: str, limit: int) -> None:
    clipped = clip_tokens(text, limit)
    assert estimate_tokens(clipped) <= limit
    assert text.startswith(clipped)

"""Sentences of Korean and English end where people end them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("안녕하세요. 로그인이 안됩니다.확인 부탁드립니다! 네", ["안녕하세요.", "로그인이 안됩니다.", "확인 부탁드립니다!", "네"]),
        ("로그인이 안됩니다 확인 부탁드립니다", ["로그인이 안됩니다", "확인 부탁드립니다"]),
        ("안됩니다 라고 나옵니다", ["안됩니다 라고 나옵니다"]),
        ("안돼요ㅠㅠ 어떻게 하나요?", ["안돼요ㅠㅠ", "어떻게 하나요?"]),
        ("1. 설정을 엽니다. 저장합니다.\n- 두번째", ["1. 설정을 엽니다.", "저장합니다.", "- 두번째"]),
        (
            "Dr. Kim said e.g. this works. See https://a.b/c.html?x=1. Done",
            ["Dr. Kim said e.g. this works.", "See https://a.b/c.html?x=1.", "Done"],
        ),
        (
            "Version 2.5 costs $3.50. We met at 5 p.m. The app crashed!",
            ["Version 2.5 costs $3.50.", "We met at 5 p.m.", "The app crashed!"],
        ),
        ("Why? no idea... really", ["Why?", "no idea... really"]),
        ("", []),
        ("\n \n", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet="가다요 .?!aB1\n~ㅠ…", max_size=120))
def test_nothing_is_lost(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("unit", [".", "다. ", "니다 ", "a. ", "ㅠ", "1. "])
def test_long_lines_take_linear_time(unit: str) -> None:
    split_sentences(unit * 50_000)

"""Registers of polite speech: endings that are known change, all else stays."""

import pytest

from backend.adapters.offline.register import in_register


@pytest.mark.parametrize(
    ("tone", "language", "text", "expected"),
    [
        ("formal", "ko", "안녕하세요. 설정을 눌러 주세요 [1].", "안녕하십니까. 설정을 눌러 주십시오 [1]."),
        ("formal", "ko", "먼저 확인하세요.\n궁금하신 점이 있으세요?", "먼저 확인하십시오.\n궁금하신 점이 있으십니까?"),
        ("formal", "ko-KR", "처리했어요. 이제 돼요. 제가 확인할게요.", "처리했습니다. 이제 됩니다. 제가 확인하겠습니다."),
        ("formal", "ko", "수요일에 필요 없는 세요정보를 지웁니다.", "수요일에 필요 없는 세요정보를 지웁니다."),
        ("friendly", "ko", "안녕하십니까. 확인해 주시기 바랍니다.", "안녕하세요. 확인해 주세요."),
        ("friendly", "ko", "삭제하십시오 [2].", "삭제하세요 [2]."),
        ("formal", "en", "Hi Jane,\nWe're sorry! It doesn't work yet. Thanks", "Dear Jane,\nWe are sorry. It does not work yet. Thank you"),
        ("formal", "en", "Hi there, don’t worry.", "Dear Customer, do not worry."),
        ("friendly", "en", "Dear Customer,\nWe are sorry. It does not work.", "Hi there,\nWe are sorry. It doesn't work."),
        ("concise", "en", "Hi!", "Hi!"),
        ("formal", "ja", "こんにちは", "こんにちは"),
    ],
)
def test_a_register(tone: str, language: str, text: str, expected: str) -> None:
    assert in_register(text, tone, language) == expected


def test_what_is_formal_already_stays() -> None:
    text = "안녕하십니까. 확인해 주십시오. 감사합니다."
    assert in_register(text, "formal", "ko") == text

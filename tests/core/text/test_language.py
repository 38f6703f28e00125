"""Korean, English or neither, by the letters."""

import pytest

from backend.core.text.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("안녕하세요, 로그인이 안됩니다", "ko"),
        ("Hello, I can't sign in", "en"),
        ("API key가 invalid 라고 나옵니다 from the dashboard", "ko"),
        ("안녕 https://example.com/a/very/long/address/that/is/latin?with=parameters", "ko"),
        ("The Korean word 안녕 means hello, as everybody knows by now", "en"),
        ("ㅠㅠ", "ko"),
        ("こんにちは世界", ""),
        ("你好,我无法登录", ""),
        ("Привет мир", ""),
        ("12345 !!", ""),
        ("", ""),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect_language(text) == language

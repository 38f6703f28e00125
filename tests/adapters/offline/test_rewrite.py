"""Drafts without a language model: sentences are left out, endings change, and the rest is refused."""

import pytest

from backend.adapters.offline.rewrite import rewrite
from backend.core.errors import AppError, Code
from backend.core.model.answer import RewriteMaterial
from backend.core.text.tokens import BigramTokenizer

ENGLISH = """Hi Jane,

Thank you for contacting us. We are sorry for the trouble. The VPN client keeps an old password for a while after a change.
It is a well known thing that many of our users have met before you did, and it looks worse than it is.

1. Open Settings > Accounts.
2. Delete the stored credentials [1].

If anything is still unclear, just reply to this message.

Best regards,
Min"""


def said(text: str, action: str, language: str = "en", tone: str = "") -> str:
    return rewrite(RewriteMaterial(text=text, action=action, language=language, tone=tone), BigramTokenizer())


def test_a_shorter_letter_keeps_greeting_steps_and_name() -> None:
    text = said(ENGLISH, "shorten")
    assert len(text) <= 0.65 * len(ENGLISH)
    lines = text.splitlines()
    assert (lines[0], lines[-1]) == ("Hi Jane,", "Min")
    assert "1. Open Settings > Accounts." in lines
    assert "2. Delete the stored credentials [1]." in lines
    assert "sorry for the trouble" not in text


@pytest.mark.parametrize("text", ["확인해 주세요.", "OK", "안녕하세요.\n감사합니다.", "가" * 500])
def test_what_is_short_already_stays_whole(text: str) -> None:
    assert said(text, "shorten", "ko") == text


def test_a_concise_letter_has_no_small_talk() -> None:
    text = said(ENGLISH, "tone", tone="concise")
    assert "just reply" not in text
    assert "2. Delete the stored credentials [1]." in text


@pytest.mark.parametrize("action", ["rephrase", "expand", "translate"])
def test_new_words_need_a_language_model(action: str) -> None:
    with pytest.raises(AppError) as caught:
        said(ENGLISH, action)
    assert caught.value.code is Code.LANGUAGE_MODEL_NEEDED
    assert "DESKLORE_GENERATE_MODEL" in caught.value.message

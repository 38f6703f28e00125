"""Drafts written anew: citations stay, facts are counted, failures are told in time."""

from typing import Any

import pytest

from backend.core.answer.rewrite import rewrite_text, stream_rewritten
from backend.core.errors import AppError, Code
from backend.core.model.answer import AnswerEvent, AnswerEventKind
from backend.core.model.copilot import RewriteAction, RewriteInput, Tone
from tests.core.answer.test_generate import USED, SayingChat, shown

KOREAN = "안녕하세요.\n1. 설정 > VPN에서 ERR-4012를 확인해 주세요 [2].\n2. https://help.example/vpn 을 보세요 [1].\n감사합니다."


def asked(action: RewriteAction = RewriteAction.REPHRASE, text: str = KOREAN, **more: Any) -> RewriteInput:
    return RewriteInput(text=text, action=action, **more)


async def events_of(chat: SayingChat, ask: RewriteInput) -> list[AnswerEvent]:
    return [event async for event in stream_rewritten(ask, chat=chat)]


@pytest.mark.parametrize("streaming", [False, True])
async def test_citations_keep_their_numbers_and_none_is_made_up(streaming: bool) -> None:
    said = "\n안녕하세요.\nERR-4012를 보세요 [2] [7].\nhttps://help.example/vpn [1].\n"
    chat = SayingChat(said)
    if streaming:
        events = await events_of(chat, asked())
        made = events[-1].data
        assert shown(events) == made.text
        assert chat.closed
    else:
        made = await rewrite_text(asked(), chat=chat)
    assert made.text == "안녕하세요.\nERR-4012를 보세요 [2].\nhttps://help.example/vpn [1]."
    assert (made.language, made.usage, made.warnings) == ("ko", USED, ())


async def test_facts_that_were_lost_or_came_from_nowhere_are_named() -> None:
    made = await rewrite_text(asked(), chat=SayingChat("VPN을 확인해 주세요 [2]. 3일 안에 https://evil.example 로 환불됩니다."))
    lost, added = made.warnings
    assert all(fact in lost for fact in ("ERR-4012", "https://help.example/vpn"))
    assert all(fact in added for fact in ("3", "https://evil.example"))
    english = await rewrite_text(
        asked(RewriteAction.TRANSLATE, language="en"), chat=SayingChat("Check ERR-4012 [2]. See https://help.example/vpn or call 911 [1].")
    )
    assert (english.language, len(english.warnings)) == ("en", 1)
    assert english.warnings[0].endswith(": 911")


async def test_what_is_shortened_may_lose_facts() -> None:
    assert (await rewrite_text(asked(RewriteAction.SHORTEN), chat=SayingChat("확인해 주세요 [2]."))).warnings == ()


@pytest.mark.parametrize("ask", [asked(RewriteAction.TRANSLATE), asked(RewriteAction.TONE), asked(RewriteAction.TONE, language="ko")])
async def test_what_is_missing_is_named_before_a_model_is_asked(ask: RewriteInput) -> None:
    chat = SayingChat("x")
    with pytest.raises(AppError) as caught:
        await rewrite_text(ask, chat=chat)
    assert (caught.value.code, chat.prompts) == (Code.INVALID_REQUEST, [])


async def test_a_failure_is_raised_before_the_first_token_and_an_event_after_it() -> None:
    with pytest.raises(AppError):
        await events_of(SayingChat("", AppError(Code.LLM_UNAVAILABLE, "away")), asked())
    events = await events_of(SayingChat("안녕하세요. ", AppError(Code.LLM_UNAVAILABLE, "away")), asked())
    assert (events[-1].kind, events[-1].data["code"]) == (AnswerEventKind.ERROR, "llm_unavailable")


async def test_silence_is_no_text() -> None:
    with pytest.raises(AppError) as caught:
        await rewrite_text(asked(RewriteAction.TONE, tone=Tone.FORMAL), chat=SayingChat(" \n"))
    assert caught.value.code is Code.LLM_REFUSED

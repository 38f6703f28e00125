"""The offline model: quotes with numbers, drafts, and says when it can't."""

import json

import pytest

from backend.adapters.offline.chat import OfflineChat
from backend.core.model.answer import Prompt, ReplyMaterial, SourceText
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.document import Part
from backend.core.model.ticket import Role
from backend.core.prompts.answer import NO_ANSWER, answer_prompt
from backend.core.prompts.reply import reply_prompt
from backend.core.prompts.summary import SUMMARY_SCHEMA, summary_prompt
from backend.core.text.tokens import BigramTokenizer

CHAT = OfflineChat(BigramTokenizer())


def source(number: int, title: str, text: str) -> SourceText:
    return SourceText(number=number, title=title, text=text, visibility=Visibility.PUBLIC, document_id=f"d{number}")


VPN = source(
    1,
    "VPN 접속 오류",
    "VPN 접속 시 ERR-4012 오류가 난다.\n자격 증명이 남아 있는 것이 원인이다.\n저장된 자격 증명을 삭제하고 다시 로그인해 주세요.",
)
PRINTER = source(2, "프린터 인쇄 불가", "프린터에서 인쇄가 되지 않는다.\n드라이버를 다시 설치해 주세요.")
REFUND = source(3, "Refund for a duplicate charge", "The customer was charged twice.\nGo to Billing > Payments and click Refund.")


async def said(prompt: Prompt) -> str:
    return (await CHAT.complete(prompt)).text


async def test_the_best_source_is_quoted_with_its_number() -> None:
    text = await said(answer_prompt("VPN 접속이 안 될 때 ERR-4012 해결 방법은?", "ko", [PRINTER, VPN, REFUND]))
    assert text.startswith("자료에 따르면")
    assert "저장된 자격 증명을 삭제하고 다시 로그인해 주세요. [1]" in text
    assert "[2]" not in text
    assert "[3]" not in text


@pytest.mark.parametrize("question", ["프린터 인쇄 안됨", "프린터에서 인쇄가 안 되는데 어떻게 하나요?"])
async def test_particles_make_no_difference(question: str) -> None:
    text = await said(answer_prompt(question, "ko", [VPN, PRINTER]))
    assert "드라이버를 다시 설치해 주세요. [2]" in text


async def test_an_english_question_gets_an_english_frame() -> None:
    text = await said(answer_prompt("How do I refund a duplicate charge?", "en", [VPN, REFUND]))
    assert text.startswith("According to the sources:")
    assert "click Refund. [3]" in text


@pytest.mark.parametrize("question", ["점심 메뉴 추천해 줘", "What is the capital of France?", "?!", ""])
async def test_what_the_sources_dont_have_is_not_answered(question: str) -> None:
    assert await said(answer_prompt(question, "ko", [VPN, PRINTER, REFUND])) == NO_ANSWER
    assert await said(answer_prompt(question, "ko", [])) == NO_ANSWER


async def test_a_ticket_that_is_named_is_told_whatever_is_asked() -> None:
    named = [
        source(1, "API 주소 문의 - #31", "API 주소 문의\n경고 헤더가 붙어서 옵니다.\n원인을 확인하고 있습니다."),
        source(2, "API 주소 문의 - #31", "경고 헤더가 붙어서 옵니다."),
    ]
    text = await said(answer_prompt("summarize ticket 31", "en", [*named, VPN]))
    assert text.splitlines() == ["According to the sources:", "- 경고 헤더가 붙어서 옵니다. [1]", "- 원인을 확인하고 있습니다. [1]"]
    assert await said(answer_prompt("summarize ticket 32", "en", [*named, VPN])) == NO_ANSWER


async def test_all_steps_of_a_list_are_quoted() -> None:
    steps = "\n".join(f"{number}. {what} 단추를 누릅니다." for number, what in enumerate(("설정", "계정", "보안", "초기화", "확인"), 1))
    text = await said(answer_prompt("비밀번호 초기화 방법", "ko", [source(1, "비밀번호 초기화", f"비밀번호를 잊었다.\n{steps}")]))
    assert text.count("누릅니다. [1]") == 5


async def test_a_stream_is_the_same_text_in_pieces() -> None:
    prompt = answer_prompt("VPN ERR-4012", "ko", [VPN])
    deltas = [delta async for delta in CHAT.stream(prompt)]
    assert len(deltas) > 5
    assert "".join(delta.text for delta in deltas) == await said(prompt)
    assert (deltas[-1].text, deltas[-1].usage) == ("", Usage(calls=1))


async def test_a_summary_is_json_of_the_schema_and_the_same_every_time() -> None:
    part = Part(kind="description", text="로그인이 안 됩니다.", visibility=Visibility.CONVERSATION, role=Role.CUSTOMER)
    prompt = summary_prompt("로그인", [part])
    completion = await CHAT.complete(prompt)
    assert set(json.loads(completion.text)) == set(SUMMARY_SCHEMA["properties"])
    assert completion == await CHAT.complete(prompt)
    assert (completion.provider, completion.model, completion.usage) == ("offline", "extractive-1", Usage(calls=1))


def material(language: str, *sources: SourceText, **more: str) -> ReplyMaterial:
    text = "VPN 접속이 안 됩니다. ERR-4012 오류가 나옵니다."
    part = Part(kind="description", text=text, visibility=Visibility.CONVERSATION, role=Role.CUSTOMER)
    more = {"title": "VPN ERR-4012", "customer": "김민수", "agent": "박지원", "tone": "friendly", **more}
    return ReplyMaterial(parts=(part,), language=language, sources=sources, **more)


async def test_a_draft_greets_acknowledges_tells_the_steps_and_closes() -> None:
    lines = (await said(reply_prompt(material("ko", VPN, PRINTER)))).splitlines()
    assert lines[0] == "안녕하세요, 김민수님."
    assert "VPN ERR-4012" in lines[1]
    assert "- 저장된 자격 증명을 삭제하고 다시 로그인해 주세요. [1]" in lines
    assert lines[-2:] == ["감사합니다.", "박지원 드림"]
    assert not any("ERR-4012 오류가 난다" in line for line in lines), "another customer's problem is not told"


async def test_an_english_draft_and_one_without_help() -> None:
    more = {"title": "Charged twice, refund for duplicate charge", "customer": "", "agent": ""}
    text = await said(reply_prompt(material("en", REFUND, **more)))
    assert text.startswith("Hi there,")
    assert "click Refund. [3]" in text
    assert text.endswith("Best regards,")
    assert await said(reply_prompt(material("ko", source(1, "휴가 신청", "휴가는 인사 시스템에서 신청하세요.")))) == NO_ANSWER


STEPS = source(
    1,
    "VPN 접속 오류",
    "VPN 접속 시 ERR-4012 오류가 난다.\n설정을 여세요.\n저장된 VPN 자격 증명을 삭제하세요.\nVPN 앱을 다시 실행해 주세요.\n"
    "새 비밀번호로 VPN에 로그인하세요.\n접속을 확인해 주세요.\nERR-4012 오류가 계속되면 재부팅하세요.\nVPN 로그를 저장해 주세요.",
)


@pytest.mark.parametrize(
    ("language", "tone", "opening", "closing"),
    [
        ("ko", "friendly", "안녕하세요, 김민수님.", "감사합니다."),
        ("ko", "formal", "안녕하십니까, 김민수님.", "감사합니다."),
        ("ko", "concise", "안녕하세요, 김민수님.", "감사합니다."),
        ("en", "friendly", "Hi 김민수,", "Best regards,"),
        ("en", "formal", "Dear 김민수,", "Yours sincerely,"),
        ("en-US", "concise", "Hi 김민수,", "Regards,"),
    ],
)
async def test_the_frame_is_of_the_language_and_tone(language: str, tone: str, opening: str, closing: str) -> None:
    lines = (await said(reply_prompt(material(language, STEPS, tone=tone, agent="")))).splitlines()
    assert (lines[0], lines[-1]) == (opening, closing)


async def test_formal_korean_is_in_honorific_endings_throughout() -> None:
    text = await said(reply_prompt(material("ko", STEPS, tone="formal", length="long")))
    assert "삭제하십시오. [1]" in text
    assert "실행해 주십시오. [1]" in text
    assert "요." not in text


async def test_the_length_says_how_many_steps_are_told() -> None:
    told = {length: (await said(reply_prompt(material("ko", STEPS, length=length)))).count("[1]") for length in ("short", "medium", "long")}
    assert told["short"] < told["medium"] < told["long"]
    assert told["short"] == 2

"""Summaries: what is private stays out, long tickets go in parts, and an invalid answer is a failure."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.adapters.offline.chat import OfflineChat
from backend.core.errors import AppError, Code
from backend.core.ingest.summarize import AUTOMATED, TOO_SHORT, cache_key, decode, encode, plan, run, skip_reason, split_parts, summarize
from backend.core.model.answer import Completion, Delta, Prompt, SummaryMaterial
from backend.core.model.article import Visibility
from backend.core.model.budget import Usage
from backend.core.model.document import DocType, Document, Part, Summary
from backend.core.model.ticket import Role
from backend.core.text.size import estimate_tokens

NOW = datetime(2026, 11, 20, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "problem": "VPN 접속이 안 됩니다.", "cause": "", "solution": "재설정합니다.", "result": "", "language": "ko", "product_area": "VPN",
    "tags": ["VPN"], "resolved": True, "sentiment": "neutral",
}  # fmt: skip
GOOD_TEXT = json.dumps(GOOD)


class ScriptedChat:
    """A model outside our walls: says what it is told to, and remembers what it was asked."""

    provider = "openai"
    model = "scripted"

    def __init__(self, answer: str | Callable[[Prompt], str] = GOOD_TEXT) -> None:
        self.answer = answer
        self.prompts: list[Prompt] = []

    async def complete(self, prompt: Prompt) -> Completion:
        self.prompts.append(prompt)
        text = self.answer if isinstance(self.answer, str) else self.answer(prompt)
        return Completion(text=text, usage=Usage(calls=1, input_tokens=10, output_tokens=5), model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        yield Delta(text=(await self.complete(prompt)).text)

    def seen(self) -> str:
        return "".join(message.text for prompt in self.prompts for message in prompt.messages)


def turn(text: str, role: Role = Role.CUSTOMER, kind: str = "reply", visibility: Visibility = Visibility.CONVERSATION) -> Part:
    return Part(kind=kind, text=text, visibility=visibility, role=role)


def ticket(*parts: Part, title: str = "VPN 접속 오류", doc_type: DocType = DocType.TICKET) -> Document:
    return Document(
        document_id="d", connection_id="c", platform="freshdesk", doc_type=doc_type, original_id="1", title=title, parts=parts,
        content_hash="h", source_version="v", visibility=Visibility.CONVERSATION, created_at=NOW, updated_at=NOW, stored_at=NOW,
    )  # fmt: skip


ASKED = turn("VPN에 접속하면 ERR-4012 오류가 발생합니다. 확인 부탁드립니다.", kind="description")
ANSWERED = turn("비밀번호를 재설정한 뒤 다시 접속해 주세요.", role=Role.AGENT)
NOTE = turn("고객이 해지를 고려 중이니 할인 쿠폰 SECRET-77 을 제안할 것.", role=Role.AGENT, kind="note", visibility=Visibility.INTERNAL)
NOTE_FILE = Part(kind="attachment", text="내부 원가표 SECRET-88", visibility=Visibility.INTERNAL, heading="원가.xlsx", attachment_id="f-1")
FILE = Part(kind="attachment", text="로그: ERR-4012 timeout", visibility=Visibility.CONVERSATION, heading="log.txt", attachment_id="f-2")


async def test_one_call_makes_the_summary_of_a_ticket_without_notes() -> None:
    chat = ScriptedChat()
    made = await summarize(ticket(ASKED, ANSWERED, FILE), chat=chat)
    assert made.summary is not None
    assert made.summary.solution == "재설정합니다."
    assert made.internal_summary is None
    assert made.usage == Usage(calls=1, input_tokens=10, output_tokens=5)
    assert "ERR-4012 timeout" in chat.seen()


async def test_nothing_private_reaches_the_call_for_the_public_summary() -> None:
    chat = ScriptedChat()
    made = await summarize(ticket(ASKED, NOTE, NOTE_FILE, ANSWERED), chat=chat)
    public, internal = chat.prompts
    assert "SECRET" not in repr(public)
    assert "SECRET-77" in internal.messages[1].text
    assert "SECRET-88" in internal.messages[1].text
    assert made.internal_summary is not None
    assert made.usage.calls == 2


async def test_the_offline_model_keeps_notes_out_of_the_public_summary_too() -> None:
    made = await summarize(ticket(ASKED, ANSWERED, NOTE), chat=OfflineChat())
    assert "SECRET" not in repr(made.summary)
    assert made.summary is not None
    assert "ERR-4012" in made.summary.problem
    assert made.usage == Usage(calls=1) + Usage(calls=1)


async def test_a_paid_result_is_used_again_until_the_content_changes() -> None:
    chat = ScriptedChat()
    document = ticket(ASKED, NOTE, ANSWERED)
    first = await summarize(document, chat=chat)
    assert set(first.fresh) == {task.key for task in plan(document, chat)}
    assert first.fresh.keys() == {cache_key(document, chat, internal=False), cache_key(document, chat, internal=True)}
    again = await summarize(document, chat=chat, cached=first.fresh)
    assert again.usage == Usage()
    assert (again.summary, again.internal_summary, again.fresh) == (first.summary, first.internal_summary, {})
    noted = ticket(ASKED, turn("다른 메모", role=Role.AGENT, kind="note", visibility=Visibility.INTERNAL), ANSWERED)
    changed = await summarize(noted, chat=chat, cached=first.fresh)
    assert changed.usage.calls == 1, "the public summary does not depend on the notes"
    other = OfflineChat()
    assert cache_key(document, other, internal=False) != cache_key(document, chat, internal=False)


class Kept:
    """A cache outside the process."""

    def __init__(self, chat: ScriptedChat) -> None:
        self.chat = chat
        self.summaries: dict[str, Summary] = {}

    async def ask(self, key: str, prompt: Prompt, read: Callable[[Completion], Summary]) -> tuple[Summary, Usage]:
        if key in self.summaries:
            return self.summaries[key], Usage()
        completion = await self.chat.complete(prompt)
        self.summaries[key] = read(completion)
        return self.summaries[key], completion.usage

    async def put(self, key: str, summary: Summary) -> None:
        self.summaries[key] = summary


async def test_a_long_ticket_pays_again_only_for_the_call_that_broke_off() -> None:
    document = ticket(*(turn(f"{number}번째 글입니다. " + "접속이 끊깁니다. " * 900) for number in range(6)), NOTE)
    calm, chat = ScriptedChat(), ScriptedChat()
    want = await summarize(document, chat=calm, paid=Kept(calm))
    assert len(calm.prompts) > 4
    kept = Kept(chat)
    asked = 0
    made = None
    while made is None:
        fails = len(chat.prompts) + 2

        def answer(_: Prompt, last: int = fails) -> str:
            return "killed" if len(chat.prompts) == last else GOOD_TEXT

        chat.answer = answer
        try:
            made = await summarize(document, chat=chat, paid=kept)
        except AppError:
            asked += 1
    assert (made.summary, made.internal_summary) == (want.summary, want.internal_summary)
    assert len(chat.prompts) == len(calm.prompts) + asked


def test_a_kept_summary_is_read_again_and_a_strange_one_is_ignored() -> None:
    summary = decode(encode_of(GOOD))
    assert summary is not None
    assert decode(encode(summary)) == summary
    assert decode(b'{"problem": 3}') is None
    assert decode(b"no json") is None


def encode_of(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "answer",
    [
        "죄송합니다, 요약할 수 없습니다.",
        "",
        '{"problem": "VPN',
        json.dumps({**GOOD, "tags": "VPN"}),
        json.dumps({**GOOD, "resolved": "yes"}),
        json.dumps({**GOOD, "sentiment": "furious"}),
        json.dumps({**GOOD, "problem": "  "}),
        json.dumps({**GOOD, "extra": 1}),
        json.dumps({key: value for key, value in GOOD.items() if key != "solution"}),
        json.dumps([GOOD]),
        f"Here it is: {json.dumps(GOOD)}",
    ],
)
async def test_an_answer_that_does_not_fit_is_a_failure_and_its_words_are_not_told(answer: str) -> None:
    with pytest.raises(AppError) as raised:
        await summarize(ticket(ASKED), chat=ScriptedChat(answer))
    assert raised.value.code is Code.SUMMARY_INVALID
    assert "openai:scripted" in raised.value.message
    for told in ("죄송", "VPN", "furious"):
        assert told not in str(raised.value)


async def test_a_long_ticket_is_cut_between_turns_summarized_in_parts_and_merged() -> None:
    turns = [turn(f"{number}번째 이야기입니다. " * 300, role=Role.AGENT if number % 2 else Role.CUSTOMER) for number in range(12)]
    chat = ScriptedChat(lambda prompt: json.dumps({**GOOD, "problem": prompt.version}))
    document = ticket(*turns)
    (task,) = plan(document, chat)
    summary, usage = await run(task, chat)
    groups = split_parts(task.parts)
    assert len(groups) > 2
    assert [part for group in groups for part in group] == turns
    assert all(sum(estimate_tokens(part.text) for part in group) <= 6_000 for group in groups)
    assert usage.calls == len(groups) + 1 == len(chat.prompts)
    assert summary.problem == "summary-merge-1"
    material = chat.prompts[-1].material
    assert isinstance(material, SummaryMaterial)
    assert material.parts == task.parts


def test_a_turn_longer_than_a_part_is_cut_without_losing_words() -> None:
    text = " ".join(f"단어{number}" for number in range(9_000))
    groups = split_parts([turn("짧은 글"), turn(text), turn("끝")])
    assert all(estimate_tokens(part.text) <= 6_000 for group in groups for part in group)
    words = " ".join(part.text for group in groups for part in group).split()
    assert words == f"짧은 글 {text} 끝".split()


async def test_a_log_file_does_not_crowd_the_conversation_out() -> None:
    chat = ScriptedChat()
    log = Part(
        kind="attachment", text="2026-11-20 INFO ok\n" * 20_000, visibility=Visibility.CONVERSATION, heading="app.log", attachment_id="f"
    )
    await summarize(ticket(ASKED, log, ANSWERED), chat=chat)
    assert len(chat.prompts) == 1
    assert len(chat.seen()) < 8_000


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (ticket(turn("안돼요"), title="문의"), TOO_SHORT),
        (ticket(turn("", kind="description")), AUTOMATED),
        (ticket(), AUTOMATED),
        (ticket(turn("서버 백업이 완료되었습니다. 상세 내용은 대시보드를 참고하세요.", role=Role.SYSTEM, kind="system")), AUTOMATED),
        (ticket(turn("I am out of the office until Monday and will reply then."), title="Automatic reply: Invoice"), AUTOMATED),
        (ticket(turn("현재 부재중으로 월요일에 회신드리겠습니다."), title="자동 응답: 견적 문의"), AUTOMATED),
        (ticket(ASKED), None),
        (
            ticket(
                turn("로그인이 자꾸 풀려서 업무를 못 하고 있습니다"), turn("확인하겠습니다", role=Role.AGENT), title="자동 응답이 안 와요"
            ),
            None,
        ),
        (ticket(Part(kind="article", text="글", visibility=Visibility.PUBLIC), doc_type=DocType.ARTICLE), None),
    ],
)
async def test_what_is_not_worth_a_model_is_skipped(document: Document, reason: str | None) -> None:
    chat = ScriptedChat()
    assert skip_reason(document) == reason
    made = await summarize(document, chat=chat)
    if reason or document.doc_type is not DocType.TICKET:
        assert (made.summary, made.usage, chat.prompts) == (None, Usage(), [])
    else:
        assert made.summary is not None


async def test_json_in_a_markdown_block_is_json() -> None:
    made = await summarize(ticket(ASKED), chat=ScriptedChat(f"```json\n{GOOD_TEXT}\n```\n"))
    assert made.summary is not None


async def test_the_language_is_a_code_whatever_the_model_calls_it() -> None:
    for told, code in (("Korean", "ko"), ("ko-KR", "ko"), ("KO", "ko"), ("", "ko")):
        made = await summarize(ticket(ASKED), chat=ScriptedChat(json.dumps({**GOOD, "language": told})))
        assert made.summary is not None
        assert made.summary.language == code

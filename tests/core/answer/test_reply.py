"""Reply drafts: polite, cited, and nothing internal in them, whatever the model does."""

from collections.abc import Sequence

import msgspec
import pytest

from backend.adapters.masked import MaskedChat
from backend.adapters.offline.chat import OfflineChat
from backend.core.answer.guard import LeakGuard
from backend.core.answer.reply import generate_reply_text, stream_reply_text
from backend.core.errors import AppError, Code
from backend.core.model.answer import AnswerEvent, AnswerEventKind
from backend.core.model.article import Visibility
from backend.core.model.copilot import ReplyInput, ReplyLength, Tone
from backend.core.model.document import DocType
from backend.core.model.search import Hit
from backend.core.model.ticket import Role
from tests.core.answer.samples import NOTE_HIT, VPN_ARTICLE, VPN_TICKET, chunk, found, hit
from tests.core.answer.test_generate import USED, SayingChat, shown
from tests.core.ingest.test_summarize import ASKED, ticket, turn

NOTE = turn(
    "고객이 해지를 고려 중이므로 다음 갱신 때 삼십 퍼센트 할인을 먼저 제안하지 말 것",
    role=Role.AGENT,
    kind="note",
    visibility=Visibility.INTERNAL,
)
DOCUMENT = msgspec.structs.replace(ticket(ASKED, NOTE, title="VPN ERR-4012 오류"), requester="김민수")
HITS: tuple[Hit, ...] = (NOTE_HIT, VPN_TICKET, VPN_ARTICLE)
ASK = ReplyInput(ticket_id="1")
GOOD = "안녕하세요, 김민수님.\n저장된 항목을 삭제한 뒤 다시 로그인해 주세요 [1].\n감사합니다."


async def test_a_draft_is_cited_and_says_what_to_check() -> None:
    chat = SayingChat(GOOD)
    draft = await generate_reply_text(DOCUMENT, HITS, ASK, chat=chat)
    assert (draft.text, draft.grounded, draft.usage, draft.ticket_id) == (GOOD, True, USED, "1")
    assert [citation.document_id for citation in draft.citations] == ["doc-t"]
    assert all(citation.visibility is not Visibility.INTERNAL for citation in draft.citations)
    assert len(draft.warnings) == 1
    assert "다른 고객" in draft.warnings[0]


async def test_the_model_sees_nothing_internal() -> None:
    chat = SayingChat(GOOD)
    await generate_reply_text(DOCUMENT, HITS, ASK, chat=chat)
    seen = repr(chat.prompts)
    assert "해지" not in seen
    assert "할인" not in seen
    assert "김민수" in seen


async def test_the_ticket_itself_is_no_source() -> None:
    chat = SayingChat(GOOD)
    own = hit(chunk("VPN 자기 자신", document_id=DOCUMENT.document_id))
    draft = await generate_reply_text(DOCUMENT, [own], ASK, chat=chat)
    assert (draft.grounded, chat.prompts) == (False, [])


def leaks(draft: str, internal: Sequence[str], public: Sequence[str]) -> bool:
    guard = LeakGuard(internal, public)
    guard.feed(draft)
    guard.finish()
    return guard.leaked


LEAKS = [
    "해지 위험 고객이므로 다음 달까지 요금을 절반으로 할인해 주기로 내부에서 합의했다 [1].",
    "다음 갱신 때 삼십 퍼센트 [1] 할인을 먼저 제안하지 말 것",
]


async def streamed(chat: SayingChat | OfflineChat, ask: ReplyInput = ASK) -> list[AnswerEvent]:
    return [event async for event in stream_reply_text(DOCUMENT, found(*HITS), ask, chat=chat)]


async def test_a_stream_is_the_same_draft_in_pieces() -> None:
    events = await streamed(SayingChat(GOOD))
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == (AnswerEventKind.HITS, AnswerEventKind.DONE, {AnswerEventKind.TOKEN})
    assert (shown(events), events[-1].data.text, events[-1].data.usage) == (GOOD, GOOD, USED)


@pytest.mark.parametrize("leak", LEAKS)
async def test_a_stream_stops_before_an_internal_text_is_whole(leak: str) -> None:
    events = await streamed(SayingChat(f"안녕하세요. 삭제하세요 [1]. {leak} 감사합니다."))
    internal = [part.text for part in DOCUMENT.parts if part.visibility is Visibility.INTERNAL] + [NOTE_HIT.chunk.text]
    assert "삭제하세요" in shown(events)
    assert not leaks(shown(events), internal, [])
    assert "감사합니다" not in shown(events)
    draft = events[-1].data
    assert (draft.grounded, draft.citations, draft.usage) == (False, (), USED)
    assert "내부" in draft.warnings[0]


@pytest.mark.parametrize("said", ["NO_ANSWER", "", " NO_ANSWER\n"])
async def test_a_stream_without_an_answer_acknowledges(said: str) -> None:
    events = await streamed(SayingChat(said))
    assert "확인하고 있습니다" in shown(events)
    assert shown(events) == events[-1].data.text


async def test_a_model_that_breaks_off_ends_the_stream_with_its_error() -> None:
    chat = SayingChat(GOOD, AppError(Code.LLM_UNAVAILABLE, "away"))
    events = await streamed(chat)
    assert (events[-1].kind, events[-1].data["code"]) == (AnswerEventKind.ERROR, "llm_unavailable")
    assert chat.closed


async def test_a_draft_in_another_language_than_asked_for_says_so() -> None:
    english = msgspec.structs.replace(ASK, language="en")
    draft = await generate_reply_text(DOCUMENT, HITS, english, chat=SayingChat("Hello,\n저장된 항목을 삭제해 주세요 [1].\nRegards"))
    assert any("another language" in warning for warning in draft.warnings)
    assert not any("언어" in warning for warning in (await generate_reply_text(DOCUMENT, HITS, ASK, chat=SayingChat(GOOD))).warnings)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_guard_lets_all_else_through_whatever_the_pieces(size: int) -> None:
    text = "1. 설정 > 계정에서 ‘초기화’를 누릅니다 [1].\n2. It's done, e.g. v5.2 [2].\n감사합니다"
    guard = LeakGuard([NOTE_HIT.chunk.text], [])
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert "".join([*map(guard.feed, pieces), guard.finish()]) == text
    assert not guard.leaked


@pytest.mark.parametrize(
    ("language", "tone", "opening"),
    [
        ("ko", Tone.FORMAL, "안녕하십니까, 김민수님."),
        ("ko", Tone.CONCISE, "안녕하세요, 김민수님."),
        ("en", Tone.FORMAL, "Dear 김민수,"),
        ("en", Tone.FRIENDLY, "Hello 김민수,"),
        ("ko-KR", Tone.FORMAL, "안녕하십니까, 김민수님."),
    ],
)
async def test_an_acknowledgement_keeps_the_tone(language: str, tone: Tone, opening: str) -> None:
    ask = msgspec.structs.replace(ASK, language=language, tone=tone)
    draft = await generate_reply_text(DOCUMENT, [], ask, chat=SayingChat(""))
    assert draft.text.startswith(opening)
    if language.startswith("ko") and tone is Tone.FORMAL:
        assert "요." not in draft.text


@pytest.mark.parametrize("leak", LEAKS)
async def test_a_draft_that_repeats_an_internal_text_is_thrown_away(leak: str) -> None:
    draft = await generate_reply_text(DOCUMENT, HITS, ASK, chat=SayingChat(f"안녕하세요. {leak} 삭제하세요 [1]."))
    assert (draft.grounded, draft.citations, draft.usage) == (False, (), USED)
    assert "할인" not in draft.text
    assert draft.text.startswith("안녕하세요, 김민수님.")
    assert "내부" in draft.warnings[0]


@pytest.mark.parametrize("said", ["NO_ANSWER", "삭제해 주세요.", "삭제해 주세요 [5]."])
async def test_without_a_source_the_draft_only_acknowledges(said: str) -> None:
    draft = await generate_reply_text(DOCUMENT, HITS, ASK, chat=SayingChat(said), agent="박지원")
    assert not draft.grounded
    assert "확인하고 있습니다" in draft.text
    assert draft.text.endswith("박지원 드림")
    english = msgspec.structs.replace(ASK, language="en")
    assert "Thank you for contacting us" in (await generate_reply_text(DOCUMENT, [], english, chat=SayingChat(said))).text


async def test_the_offline_model_drafts_from_the_steps() -> None:
    draft = await generate_reply_text(DOCUMENT, HITS, ASK, chat=OfflineChat(), agent="박지원")
    assert draft.grounded
    assert draft.text.startswith("안녕하세요, 김민수님.")
    assert "삭제합니다. [1]" in draft.text
    assert draft.text.endswith("박지원 드림")
    formal = msgspec.structs.replace(ASK, tone=Tone.FORMAL, length=ReplyLength.SHORT)
    assert (await generate_reply_text(DOCUMENT, HITS, formal, chat=OfflineChat())).text.startswith("안녕하십니까")


def test_what_public_texts_hold_too_is_no_leak() -> None:
    line = "제어판에서 자격 증명 관리자를 열고 저장된 항목을 모두 삭제합니다"
    assert leaks(f"{line}.", [line], [])
    assert not leaks(f"{line}.", [line], [f"먼저 {line}"])
    assert leaks("Please never mention the outage to them", ["never mention the outage"], [])
    assert not leaks("the VPN", ["the VPN"], [])


OTHER = hit(
    chunk("최지원 고객 010-9999-8888, jiwon@other.example. 대표번호는 1588-1234, 요청자는 010 1234 5678 공유.", document_id="doc-o",
          visibility=Visibility.CONVERSATION),
    title="VPN 문의 010-9999-8888",
    doc_type=DocType.TICKET,
)  # fmt: skip
OWN = msgspec.structs.replace(DOCUMENT, parts=(turn("VPN이 안 됩니다. 010-1234-5678로 연락 주세요."),))
HOTLINE = hit(chunk("고객센터: 1588-1234, help@hanbit.example", document_id="doc-h"), title="고객센터")


async def test_other_customers_data_reaches_no_model_and_no_draft() -> None:
    chat = SayingChat(GOOD)
    await generate_reply_text(OWN, [OTHER, HOTLINE], ASK, chat=chat)
    seen = repr(chat.prompts)
    assert "010-9999-8888" not in seen
    assert "jiwon" not in seen
    assert "***@***" in seen
    # The ticket's own number and what an article tells everybody are no secret here, in any spelling.
    assert all(known in seen for known in ("010-1234-5678", "010 1234 5678", "help@hanbit.example"))
    assert seen.count("1588-1234") == 4
    draft = await generate_reply_text(OWN, [OTHER], ASK, chat=OfflineChat())
    assert "010-9999-8888" not in draft.text
    assert "jiwon" not in draft.text


async def test_a_masked_draft_has_its_own_tickets_values_back() -> None:
    chat = SayingChat("[PERSON_1]님, [PHONE_1]로 연락드리겠습니다 [1].")
    draft = await generate_reply_text(OWN, [OTHER, HOTLINE], ASK, chat=MaskedChat(chat))
    assert "김민수" not in repr(chat.prompts[0].messages)
    assert "010-1234-5678" not in repr(chat.prompts[0].messages)
    assert draft.text.startswith("김민수님, ")
    assert "[PHONE" not in draft.text

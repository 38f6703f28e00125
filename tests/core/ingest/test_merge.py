"""Tickets and articles become one clean Document; only what matters changes its hash."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from backend.core.ingest.changes import content_hash_of
from backend.core.ingest.merge import AttachmentText, merge_article, merge_ticket, with_file_text
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.ticket import (
    Attachment,
    Conversation,
    ConversationKind,
    Organization,
    Person,
    Presence,
    Priority,
    Role,
    Status,
    Ticket,
)
from backend.core.ports.extract import TextPiece

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
NOW = START + timedelta(days=1)
CUSTOMER = Person(original_id="7", name="김고객", email="kim@example.com")
AGENT = Person(original_id="9", name="이상담")
FILE = Attachment(original_id="55", name="로그.txt", content_type="text/plain", size=10, url="https://s3/x?X-Amz-Date=1")


def turn(number: int, html: str, **changes: Any) -> Conversation:
    values: dict[str, Any] = {
        "original_id": str(number),
        "kind": ConversationKind.REPLY,
        "role": Role.CUSTOMER,
        "author": CUSTOMER,
        "at": START + timedelta(hours=number),
        "html": html,
    }
    return Conversation(**(values | changes))


def ticket(*turns: Conversation, **changes: Any) -> Ticket:
    values: dict[str, Any] = {
        "original_id": "42",
        "subject": "로그인  오류",
        "status": Status.RESOLVED,
        "status_label": "Resolved",
        "priority": Priority.HIGH,
        "requester": CUSTOMER,
        "organization": Organization(original_id="1", name="에이스"),
        "group": "고객지원",
        "channel": "email",
        "tags": ("login", "오류"),
        "custom_fields": {"버전": "2.1", "빈칸": ""},
        "conversations": turns,
        "created_at": START,
        "updated_at": START,
        "url": "https://acme.freshdesk.com/a/tickets/42",
    }
    return Ticket(**(values | changes))


def merged(item: Ticket, *files: AttachmentText) -> Document:
    return merge_ticket(item, "acme", connection_id="conn_1", platform="freshdesk", version="v1", files=files, now=NOW)


def text_of(attachment: Attachment, *texts: str, parent: str | None = None, internal: bool = False) -> AttachmentText:
    pieces = tuple(TextPiece(text=text, page=page) for page, text in enumerate(texts, 1))
    return AttachmentText(
        attachment_id=f"freshdesk-{attachment.original_id}",
        original_id=attachment.original_id,
        name=attachment.name,
        parent_id=parent,
        internal=internal,
        pieces=pieces,
    )


DESCRIPTION = turn(0, "<p>로그인이 안됩니다.</p>", kind=ConversationKind.DESCRIPTION)
ANSWER = turn(
    2,
    "<div>캐시를 삭제해 주세요.</div><blockquote class='freshdesk_quote'>로그인이 안됩니다.</blockquote>",
    role=Role.AGENT,
    author=AGENT,
)
NOTE = turn(1, "<div>서버 점검 중이었음</div>", kind=ConversationKind.NOTE, role=Role.AGENT, author=AGENT, private=True)


def test_a_ticket_becomes_a_document() -> None:
    document = merged(ticket(ANSWER, DESCRIPTION, NOTE))
    assert [(part.kind, part.text, part.visibility) for part in document.parts] == [
        ("description", "로그인이 안됩니다.", Visibility.CONVERSATION),
        ("note", "서버 점검 중이었음", Visibility.INTERNAL),
        ("reply", "캐시를 삭제해 주세요.", Visibility.CONVERSATION),
    ]
    assert [part.author for part in document.parts] == ["김고객", "이상담", "이상담"]
    assert document.title == "로그인 오류"
    assert (document.doc_type, document.state, document.language) == (DocType.TICKET, DocState.PENDING, "ko")
    assert (document.status, document.status_label, document.priority) == ("resolved", "Resolved", "high")
    assert document.requester == "김고객"
    assert document.attributes == {"버전": "2.1", "Group": "고객지원", "Channel": "email", "Organization": "에이스"}
    assert (document.source_version, document.stored_at) == ("v1", NOW)
    assert document.document_id == merged(ticket(subject="other")).document_id
    assert document.content_hash == content_hash_of(ticket(ANSWER, DESCRIPTION, NOTE))


def test_empty_and_repeated_turns_are_dropped() -> None:
    document = merged(ticket(DESCRIPTION, turn(1, "<div></div>"), turn(2, "<p>로그인이 안됩니다.</p>"), turn(3, "", text="plain text")))
    assert [part.text for part in document.parts] == ["로그인이 안됩니다.", "plain text"]


def test_the_same_words_of_another_author_stay() -> None:
    document = merged(ticket(DESCRIPTION, turn(1, "로그인이 안됩니다.", author=AGENT, role=Role.AGENT)))
    assert len(document.parts) == 2


def test_a_note_sent_to_the_customer_later_is_what_was_sent() -> None:
    said = {"role": Role.AGENT, "author": AGENT}
    document = merged(
        ticket(DESCRIPTION, turn(1, "재설치하세요", private=True, kind=ConversationKind.NOTE, **said), turn(2, "재설치하세요", **said))
    )
    assert [(part.kind, part.visibility) for part in document.parts] == [
        ("description", Visibility.CONVERSATION),
        ("reply", Visibility.CONVERSATION),
    ]


def test_a_forward_is_internal_and_carries_nothing_twice() -> None:
    html = "<div>개발팀 확인 부탁</div><div>---------- Forwarded message ---------<br>From: x<br>로그인이 안됩니다.</div>"
    document = merged(ticket(DESCRIPTION, turn(1, html, kind=ConversationKind.FORWARD, role=Role.AGENT, author=AGENT)))
    assert document.parts[1].text == "개발팀 확인 부탁"
    assert document.parts[1].visibility is Visibility.INTERNAL


def test_files_follow_their_turn_and_inherit_its_secrecy() -> None:
    other = msgspec.structs.replace(FILE, original_id="56", name="내부.pdf")
    own = msgspec.structs.replace(FILE, original_id="57", name="화면.png")
    document = merged(
        ticket(DESCRIPTION, NOTE, ANSWER),
        text_of(FILE, "1쪽", " ", "3쪽", parent="2"),
        text_of(other, "비밀", parent="1"),
        text_of(own, "화면"),
    )
    assert [(part.heading, part.page, part.text, part.visibility) for part in document.parts if part.kind == "attachment"] == [
        ("화면.png", 1, "화면", Visibility.CONVERSATION),
        ("내부.pdf", 1, "비밀", Visibility.INTERNAL),
        ("로그.txt", 1, "1쪽", Visibility.CONVERSATION),
        ("로그.txt", 3, "3쪽", Visibility.CONVERSATION),
    ]
    assert [part.kind for part in document.parts] == [
        "description",
        "attachment",
        "note",
        "attachment",
        "reply",
        "attachment",
        "attachment",
    ]
    assert merged(ticket(), text_of(own, "화면", internal=True)).parts[0].visibility is Visibility.INTERNAL


def test_a_file_that_is_read_later_takes_its_place() -> None:
    document = merged(ticket(DESCRIPTION, ANSWER), text_of(FILE, "처음", parent="0"))
    changed = with_file_text(document, text_of(FILE, "나중 1", "나중 2"))
    assert [part.text for part in changed.parts] == ["로그인이 안됩니다.", "나중 1", "나중 2", "캐시를 삭제해 주세요."]
    added = with_file_text(merged(ticket(DESCRIPTION)), text_of(FILE, "비밀", internal=True))
    assert (added.parts[-1].text, added.parts[-1].visibility) == ("비밀", Visibility.INTERNAL)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_words_in_pictures_have_one_place_whenever_they_are_recognized(order: tuple[int, ...]) -> None:
    pictures = {number: msgspec.structs.replace(FILE, original_id=str(number), name=f"{number}.png") for number in order}
    texts = {n: msgspec.structs.replace(text_of(each, f"그림 {n}", parent="0"), pictured=True) for n, each in pictures.items()}
    late = merged(ticket(DESCRIPTION, ANSWER), text_of(FILE, "문서", parent="0"))
    for number in order:
        late = with_file_text(late, texts[number])
    at_once = merged(ticket(DESCRIPTION, ANSWER), text_of(FILE, "문서", parent="0"), *texts.values())
    assert late.parts == at_once.parts
    assert [part.text for part in late.parts[-3:]] == ["그림 1", "그림 2", "그림 3"]
    assert with_file_text(late, texts[2]).parts == late.parts


def test_titles_of_tickets_without_subject() -> None:
    assert merged(ticket(DESCRIPTION, subject=" ")).title == "로그인이 안됩니다."
    assert merged(ticket(subject="")).title == "#42"


def test_a_huge_body_is_taken() -> None:
    document = merged(ticket(turn(0, "<div>" * 5000 + "긴 글 " * 60_000, kind=ConversationKind.DESCRIPTION)))
    assert len(document.parts[0].text) > 200_000


def test_no_signed_address_gets_into_the_text() -> None:
    document = merged(ticket(turn(0, '<a href="https://s3.example.com/f?X-Amz-Signature=abc">파일</a>', kind=ConversationKind.DESCRIPTION)))
    assert document.parts[0].text == "파일 (https://s3.example.com/f)"


@pytest.mark.parametrize(
    "changes",
    [
        {"updated_at": NOW},
        {"assignee": AGENT},
        {"tags": ("오류", "login")},
        {"resolved_at": NOW},
        {"url": "https://other"},
        {"attachments": (msgspec.structs.replace(FILE, url="https://s3/y?X-Amz-Date=2"),)},
        {"conversations": (turn(0, '<p>a<img src="https://s3/z?X-Amz-Date=9"></p>', kind=ConversationKind.DESCRIPTION),)},
    ],
)
def test_what_is_volatile_is_no_change(changes: dict[str, Any]) -> None:
    first = turn(0, '<p>a<img src="https://s3/z?X-Amz-Date=1"></p>', kind=ConversationKind.DESCRIPTION)
    before = ticket(first, attachments=(FILE,))
    assert content_hash_of(msgspec.structs.replace(before, **changes)) == content_hash_of(before)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.OPEN},
        {"subject": "x"},
        {"tags": ("login",)},
        {"priority": Priority.LOW},
        {"group": "other"},
        {"group_id": "42"},
        {"custom_fields": {"버전": "2.2"}},
        {"satisfaction": "good"},
        {"presence": Presence.ARCHIVED},
        {"conversations": (DESCRIPTION, ANSWER)},
        {"conversations": (msgspec.structs.replace(DESCRIPTION, private=True),)},
        {"attachments": ()},
        {"attachments": (msgspec.structs.replace(FILE, size=11),)},
        {"attachments": (msgspec.structs.replace(FILE, name="b.txt"),)},
        {"attachments": (msgspec.structs.replace(FILE, internal=True),)},
    ],
)
def test_what_matters_is_a_change(changes: dict[str, Any]) -> None:
    before = ticket(DESCRIPTION, attachments=(FILE,))
    assert content_hash_of(msgspec.structs.replace(before, **changes)) != content_hash_of(before)


def article(*translations: Translation, **changes: Any) -> Article:
    values: dict[str, Any] = {
        "original_id": "7",
        "translations": translations,
        "category": "도움말",
        "folder": "계정 / 로그인",
        "visibility": Visibility.PUBLIC,
        "created_at": START,
        "updated_at": START,
    }
    return Article(**(values | changes))


KOREAN = Translation(
    language="ko",
    title="비밀번호 재설정",
    html="<p>안내</p><h2>웹</h2><p>웹에서</p><h3>크롬</h3><p>크롬에서</p><h2>앱</h2><p>앱에서</p>",
    updated_at=START,
)
ENGLISH = Translation(language="en", title="Reset a password", html="<p>Help</p>", draft=True, updated_at=START)


def test_an_article_is_cut_at_headings_in_every_language() -> None:
    document = merge_article(article(KOREAN, ENGLISH), "acme", connection_id="c", platform="freshdesk", version="1", now=NOW)
    assert [(part.heading, part.text, part.language, part.visibility) for part in document.parts] == [
        ("", "안내", "ko", Visibility.PUBLIC),
        ("웹", "웹에서", "ko", Visibility.PUBLIC),
        ("웹 > 크롬", "크롬에서", "ko", Visibility.PUBLIC),
        ("앱", "앱에서", "ko", Visibility.PUBLIC),
        ("Reset a password", "Help", "en", Visibility.INTERNAL),
    ]
    assert (document.title, document.language, document.visibility) == ("비밀번호 재설정", "ko", Visibility.PUBLIC)
    assert document.attributes == {"Category": "도움말", "Folder": "계정 / 로그인"}
    assert {part.kind for part in document.parts} == {"article"}
    assert document.product is None
    told = article(KOREAN, product="한빛페이")
    assert merge_article(told, "acme", connection_id="c", platform="zendesk", version="1", now=NOW).product == "한빛페이"


def test_a_draft_article_is_internal_with_its_files() -> None:
    files = [text_of(FILE, "첨부")]
    document = merge_article(article(ENGLISH), "acme", connection_id="c", platform="freshdesk", version="1", files=files, now=NOW)
    assert document.visibility is Visibility.INTERNAL
    assert {part.visibility for part in document.parts} == {Visibility.INTERNAL}


def test_article_changes() -> None:
    before = content_hash_of(article(KOREAN))
    assert content_hash_of(article(KOREAN, updated_at=NOW)) == before
    assert content_hash_of(article(msgspec.structs.replace(KOREAN, title="x"))) != before
    assert content_hash_of(article(KOREAN, visibility=Visibility.RESTRICTED)) != before
    assert content_hash_of(article(KOREAN, product="한빛페이")) != before

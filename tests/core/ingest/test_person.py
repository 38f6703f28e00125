"""What arrives is without the erased: the item, its payload, its files; and nothing of anybody else changes."""

from datetime import UTC, datetime

import msgspec

from backend.core.ingest.pipeline.person import files_of, people_of, scrub_failures, without_erased
from backend.core.ingest.pipeline.person_found import Known, places_in, without_person
from backend.core.model.article import Article, Translation, Visibility
from backend.core.model.document import DocType
from backend.core.model.erasure import Named
from backend.core.model.sync import Fetched, ItemFailure
from backend.core.model.ticket import Attachment, Conversation, ConversationKind, Person, Priority, Role, Status, Ticket
from backend.core.text.erased import Marks, Scrubber, marks_by, marks_of
from tests.contract.records import doc

KEY = b"k" * 32
AT = datetime(2026, 3, 1, tzinfo=UTC)
KIM = Person(original_id="7", name="김민수", email="Kim@customer.example")
LEE = Person(original_id="8", name="Lee", email="lee@acme.example")


def marks(*, files: bool = False, **named: str) -> Marks:
    hashes = marks_of(KEY, Named(**named))
    return marks_by(KEY, hashes, hashes if files else ())


def file(original_id: str, name: str = "영수증.pdf", parent: str | None = None) -> Attachment:
    return Attachment(original_id=original_id, name=name, content_type="application/pdf", size=1, parent_id=parent)


def turn(original_id: str, author: Person, text: str, *files: Attachment) -> Conversation:
    kind = ConversationKind.DESCRIPTION if original_id == "d" else ConversationKind.REPLY
    role = Role.CUSTOMER if author is KIM else Role.AGENT
    return Conversation(original_id=original_id, kind=kind, role=role, author=author, at=AT, text=text, attachments=files)


TICKET = Ticket(
    original_id="1",
    subject="김민수 결제",
    status=Status.OPEN,
    status_label="Open",
    priority=Priority.LOW,
    requester=KIM,
    assignee=LEE,
    custom_fields={"Contact": "kim@customer.example", "Shop": "Lee's"},
    conversations=(
        turn("d", KIM, "안녕하세요 민수입니다", file("f1", "김민수.pdf")),
        turn("r", LEE, "민수님, kim@customer.example 확인했습니다", file("f2")),
    ),
    attachments=(file("f3"), file("f4", parent="r")),
    created_at=AT,
    updated_at=AT,
)
RAW = msgspec.json.encode({"a row": {"Requester": "김민수", "Mail": "kim@customer.example", "Agent": "Lee"}, "status": "open"})


def test_an_item_and_its_payload_lose_the_person_and_nobody_else() -> None:
    for erased in (marks(email="KIM@customer.example"), marks(person_id="7")):
        fetched, names = without_erased(erased, Fetched(item=TICKET, raw=RAW))
        item = fetched.item
        assert isinstance(item, Ticket)
        assert "김민수" in names
        assert item.requester == Person(original_id="7", name="[erased]", email="")
        assert (item.assignee, item.status_label) == (LEE, "Open")
        assert item.subject == "[erased] 결제"
        assert item.conversations[0].text == "안녕하세요 [erased]입니다"
        assert item.conversations[1].text.startswith("[erased]님")
        assert [each.name for each in item.conversations[0].attachments] == ["[erased].pdf"]
        assert len(item.attachments) == 2
        assert item.custom_fields["Shop"] == "Lee's"
        payload = msgspec.json.decode(fetched.raw)
        assert payload["a row"]["Requester"] == "[erased]", "its item tells whose name a column has"
        assert payload["a row"]["Agent"] == "Lee"


def test_who_was_not_erased_is_left_as_they_are() -> None:
    fetched, names = without_erased(marks(email="other@customer.example"), Fetched(item=TICKET, raw=RAW))
    assert (fetched.item, fetched.raw, names) == (TICKET, RAW, frozenset())


def test_files_of_their_own_turns_stay_away_where_that_was_asked_for() -> None:
    own = marks(email="kim@customer.example", files=True)
    assert [each.original_id for each in files_of(TICKET, own)] == ["f3", "f1"]
    item = without_erased(own, Fetched(item=TICKET, raw=b"{}"))[0].item
    assert isinstance(item, Ticket)
    assert [each.original_id for each in item.attachments] == ["f4"]
    assert [[each.original_id for each in each_turn.attachments] for each_turn in item.conversations] == [[], ["f2"]]


def test_an_article_that_names_them_does_not_any_more() -> None:
    translation = Translation(language="en", title="Ask Kim", html="<p>kim@customer.example</p>", updated_at=AT)
    article = Article(original_id="1", translations=(translation,), visibility=Visibility.PUBLIC, created_at=AT, updated_at=AT)
    item = without_erased(marks(email="kim@customer.example"), Fetched(item=article, raw=b"no json"))[0].item
    assert isinstance(item, Article)
    assert item.translations[0].html == "<p>[erased]</p>"
    assert list(people_of(item)) == []


def test_what_could_not_be_taken_is_kept_without_them() -> None:
    failures = [
        ItemFailure(doc_type=DocType.TICKET, original_id="1", code="c", message="kim@customer.example", at=AT, raw=raw)
        for raw in (b'{"from": "kim@customer.example"}', b"row;kim@customer.example;", None)
    ]
    scrubbed = scrub_failures(marks(email="kim@customer.example"), failures)
    assert [each.raw for each in scrubbed] == [b'{"from":"[erased]"}', b"row;[erased];", None]
    assert {each.message for each in scrubbed} == {"[erased]"}


def test_a_document_is_told_and_erased_place_by_place() -> None:
    document = doc(1, text="kim@customer.example 입니다", requester="김민수", title="Ticket of kim@customer.example")
    scrubber = Scrubber(marks(email="kim@customer.example"), ["김민수"])
    assert [(place.kind, place.where) for place in places_in(document, scrubber)][:3] == [
        ("requester", "requester"),
        ("mention", "title"),
        ("turn", "parts[0]"),
    ]
    changed = without_person(document, scrubber, "erasure_1")
    assert changed is not None
    fresh, held = changed
    assert (fresh.title, fresh.requester, fresh.parts[0].text) == ("Ticket of [erased]", "[erased]", "[erased] 입니다")
    assert fresh.parts[0].author == "[erased]"
    assert (fresh.summary, fresh.internal_summary, fresh.state.value) == (None, None, "pending")
    assert fresh.content_hash != document.content_hash
    assert (held.documents, held.tickets_requested, held.turns) == (1, 1, 1)
    assert without_person(fresh, scrubber, "erasure_1") is None, "once is enough"


def test_the_quick_look_misses_nobody() -> None:
    known = Known(people=(Named(email="kim@customer.example", person_id="77"), Named(phone="010-1234-5678")))
    for data in (b'"KIM@CUSTOMER.example"', b"kim%40customer.example", b'"id":77,', b'"+82 10 1234-5678"'):
        assert known.may_be_in(data), data
    assert not known.may_be_in(b'{"id": 5, "mail": "lee@acme.example", "phone": "02-555-0000"}')

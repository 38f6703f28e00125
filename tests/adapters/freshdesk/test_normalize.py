"""From Freshdesk's payloads to our model: the traps that real traffic showed."""

from typing import Any

import pytest

from backend.adapters.freshdesk.names import Names, field_labels, latest_ratings, source_labels, status_labels
from backend.adapters.freshdesk.normalize import presence_of, ticket_of
from backend.adapters.freshdesk.normalize_article import Folder, article_of, canned_of
from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.ticket import ConversationKind, Person, Presence, Priority, Role, Status, Ticket

AGENT = Person(original_id="900", name="김서연", email="seoyeon@hanbit.example")
NAMES = Names(
    agents={"900": AGENT},
    groups={"7": "기술지원"},
    products={"5": "Hanbit Cloud"},
    statuses={2: "Open", 6: "Waiting on Customer", 8: "검토 중"},
    fields={"cf_order": "주문 번호", "cf_agree": "Agreed"},
    sources={101: "My Channel"},
)
TICKET: dict[str, Any] = {
    "id": 42,
    "subject": "송장이 출력되지 않아요",
    "description": "<div>안녕하세요</div>",
    "status": 2,
    "priority": 3,
    "source": 1,
    "requester_id": 11,
    "requester": {"id": 11, "name": "이하늘", "email": "sky@shop.example"},
    "responder_id": 900,
    "group_id": 7,
    "product_id": 5,
    "type": "Question",
    "tags": ["송장", "print"],
    "custom_fields": {"cf_order": "A-1", "cf_agree": True, "cf_empty": None, "cf_other": ["a", "b"]},
    "stats": {"resolved_at": "2026-01-03T00:00:00Z", "closed_at": None},
    "created_at": "2026-01-01T09:00:00+09:00",
    "updated_at": "2026-01-02T00:00:00Z",
}


def turn(**fields: Any) -> dict[str, Any]:
    """A conversation with what is not said."""
    base = {
        "id": 1,
        "body": "<div>x</div>",
        "source": 0,
        "incoming": False,
        "private": False,
        "user_id": 900,
        "created_at": "2026-01-02T00:00:00Z",
    }
    return base | fields


def read(*turns: dict[str, Any], **changes: Any) -> Ticket:
    """The ticket with these turns and changes."""
    return ticket_of(TICKET | changes, turns, NAMES, site="https://acme.freshdesk.com")


def test_a_ticket() -> None:
    ticket = read()
    assert (ticket.original_id, ticket.subject, ticket.status, ticket.status_label) == ("42", "송장이 출력되지 않아요", Status.OPEN, "Open")
    assert (ticket.priority, ticket.channel, ticket.group, ticket.product) == (Priority.HIGH, "email", "기술지원", "Hanbit Cloud")
    assert ticket.requester == Person(original_id="11", name="이하늘", email="sky@shop.example")
    assert ticket.assignee == AGENT
    assert ticket.custom_fields == {"주문 번호": "A-1", "Agreed": "true", "cf_other": "a, b"}
    assert ticket.created_at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert ticket.resolved_at is not None
    assert ticket.url == "https://acme.freshdesk.com/a/tickets/42"
    first = ticket.conversations[0]
    assert (first.kind, first.role, first.html) == (ConversationKind.DESCRIPTION, Role.CUSTOMER, "<div>안녕하세요</div>")


def test_nulls_and_missing_fields() -> None:
    kept = ("id", "created_at", "updated_at")
    nulls = {name: None for name in TICKET if name not in kept} | {name: TICKET[name] for name in kept}
    bare = {name: TICKET[name] for name in kept}
    for record in (nulls, bare):
        ticket = ticket_of(record, [], NAMES, site="https://a.freshdesk.com")
        assert (ticket.subject, ticket.requester, ticket.status, ticket.tags) == ("", None, Status.OTHER, ())


def test_strange_values_are_taken() -> None:
    ticket = read(id=2**80, status=99, priority=77, source=4242, unknown={"deep": [1]}, subject=123, tags=[1, "", "a"])
    assert (ticket.original_id, ticket.status, ticket.priority, ticket.channel) == (str(2**80), Status.OTHER, Priority.LOW, None)
    assert (ticket.subject, ticket.tags) == ("123", ("1", "a"))
    assert read(status=8).status_label == "검토 중"
    assert read(source=101).channel == "my_channel"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None), ("id", [1]), ("id", True), ("subject", {"a": 1}), ("status", [2]), ("status", "open"), ("created_at", 5),
        ("created_at", "yesterday"), ("updated_at", None), ("tags", "a"), ("custom_fields", []), ("attachments", {}), ("attachments", [1]),
        ("requester", "x"), ("stats", [1]), ("description", []),
    ],
)  # fmt: skip
def test_wrong_shapes_name_their_field(field: str, value: Any) -> None:
    with pytest.raises(AppError) as caught:
        read(**{field: value})
    assert caught.value.code is Code.SOURCE_MALFORMED
    assert caught.value.details["field"] == field


@pytest.mark.parametrize(
    ("fields", "role", "kind", "private"),
    [
        ({}, Role.AGENT, ConversationKind.REPLY, False),
        # A customer's reply may say incoming: false.
        ({"user_id": 11, "incoming": False}, Role.CUSTOMER, ConversationKind.REPLY, False),
        ({"user_id": 900, "incoming": True}, Role.AGENT, ConversationKind.REPLY, False),
        ({"user_id": 55, "incoming": True}, Role.CUSTOMER, ConversationKind.REPLY, False),
        # An agent who has left is no longer listed.
        ({"user_id": 56, "incoming": False}, Role.AGENT, ConversationKind.REPLY, False),
        ({"source": 2, "private": True}, Role.AGENT, ConversationKind.NOTE, True),
        ({"source": 2, "private": False}, Role.AGENT, ConversationKind.REPLY, False),
        ({"source": 2, "private": True, "user_id": 11}, Role.AGENT, ConversationKind.NOTE, True),
        ({"source": 8, "private": False}, Role.AGENT, ConversationKind.FORWARD, True),
        ({"auto_response": True}, Role.SYSTEM, ConversationKind.SYSTEM, False),
        ({"automation_id": 5}, Role.SYSTEM, ConversationKind.SYSTEM, False),
        ({"user_id": None}, Role.SYSTEM, ConversationKind.SYSTEM, False),
        ({"source": 6, "user_id": 11, "body": "<div>고마워요</div>"}, Role.CUSTOMER, ConversationKind.SYSTEM, False),
        ({"source": 99}, Role.AGENT, ConversationKind.REPLY, False),
    ],
)
def test_who_wrote_it_and_what_it_is(fields: dict[str, Any], role: Role, kind: ConversationKind, private: bool) -> None:
    found = read(turn(**fields)).conversations[1]
    assert (found.role, found.kind, found.private) == (role, kind, private)


def test_empty_survey_rows_are_no_turns() -> None:
    ticket = read(turn(source=6, body="<div></div>"), turn(source=6, body="<div>&nbsp;</div>"), turn(source=6, body=None))
    assert len(ticket.conversations) == 1


def test_turns_are_ordered_and_people_in_copy_named_from_the_mail() -> None:
    ticket = read(
        turn(id=3, created_at="2026-01-04T00:00:00Z"),
        turn(id=2, created_at="2026-01-03T00:00:00Z", user_id=77, incoming=True, from_email='"박 대리" <park@shop.example>'),
    )
    assert [found.original_id for found in ticket.conversations] == ["42-description", "2", "3"]
    assert ticket.conversations[1].author == Person(original_id="77", name="박 대리", email="park@shop.example")


def test_outbound_mail_was_written_by_the_agent() -> None:
    first = read(source=10).conversations[0]
    assert (first.role, first.author) == (Role.AGENT, AGENT)


def test_attachments_and_inline_images() -> None:
    image = '<img src="https://attachment.freshdesk.com/inline/attachment?token=a.b&amp;x=1" class="inline" data-id="501" alt="화면.png">'
    listed = {"id": 500, "name": "로그.txt", "content_type": "text/plain", "size": 12, "attachment_url": "https://s3/x"}
    ticket = read(
        turn(id=9, private=True, body=f"<div>{image}<img src='cid:1' data-id='7'><img src='https://x/y.png'></div>", attachments=[listed]),
        turn(id=10, body=f"<blockquote>{image}</blockquote>"),
    )
    files = ticket.conversations[1].attachments
    assert [(file.original_id, file.inline, file.internal, file.parent_id) for file in files] == [
        ("500", False, True, "9"),
        ("501", True, True, "9"),
    ]
    assert files[1].url == "https://attachment.freshdesk.com/inline/attachment?token=a.b&x=1"
    assert files[1].name == "화면.png"
    assert ticket.conversations[2].attachments == ()


def test_presence() -> None:
    assert presence_of({}) is Presence.LIVE
    assert presence_of({"deleted": None, "spam": False}) is Presence.LIVE
    assert presence_of({"deleted": True}) is Presence.DELETED
    assert presence_of({"spam": True}) is Presence.SPAM
    with pytest.raises(AppError):
        presence_of({"spam": "no"})


def test_labels() -> None:
    assert status_labels({"2": ["Open", "Being processed"], "8": ["검토 중", "x"]}) == {2: "Open", 8: "검토 중"}
    assert status_labels([{"id": 2, "label": "Open"}]) == {2: "Open"}
    assert status_labels(None) == {}
    assert source_labels({"Email": 1, "Bot": 12}) == {1: "Email", 12: "Bot"}
    fields: list[dict[str, Any]] = [
        {"name": "cf_a", "label": "Area", "nested_ticket_fields": [{"name": "cf_b", "label": "Part"}]},
        {"name": "cf_c", "label": "Area"},
    ]
    assert field_labels([*fields]) == {"cf_a": "Area", "cf_b": "Part", "cf_c": "Area (cf_c)"}
    ratings: list[dict[str, Any]] = [
        {"ticket_id": 1, "created_at": "2026-01-02T00:00:00Z", "ratings": {"default_question": -103}},
        {"ticket_id": 1, "created_at": "2026-01-01T00:00:00Z", "ratings": {"default_question": 103}},
        {"ticket_id": 2, "created_at": None, "ratings": None},
    ]
    assert latest_ratings([*ratings]) == {"1": "extremely unhappy"}


def article(**changes: Any) -> dict[str, Any]:
    """An article in one language."""
    base = {"id": 3, "title": "송장 출력", "description": "<p>…</p>", "status": 2, "tags": ["a"], "attachments": []}
    return base | {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z"} | changes


@pytest.mark.parametrize(
    ("folder", "visibility"),
    [
        (1, Visibility.PUBLIC), (2, Visibility.RESTRICTED), (3, Visibility.INTERNAL), (4, Visibility.RESTRICTED),
        (5, Visibility.INTERNAL), (0, Visibility.INTERNAL), (99, Visibility.INTERNAL),
    ],
)  # fmt: skip
def test_who_may_see_an_article(folder: int, visibility: Visibility) -> None:
    place = Folder(folder_id=1, path="A / B", category="C", visibility=folder)
    found = article_of({"ko": article()}, place, site="https://a.freshdesk.com")
    assert found.visibility is visibility
    assert article_of({"ko": article(status=1)}, place, site="https://a.freshdesk.com").visibility is Visibility.INTERNAL


def test_languages_are_one_article() -> None:
    place = Folder(folder_id=1, path="A", category="C", visibility=1)
    english = article(title="Printing labels", status=1, tags=["b", "a"], updated_at="2026-02-01T00:00:00Z")
    found = article_of({"ko": article(), "en": english}, place, site="https://a.freshdesk.com")
    assert [(text.language, text.draft) for text in found.translations] == [("ko", False), ("en", True)]
    assert (found.visibility, found.tags) == (Visibility.PUBLIC, ("a", "b"))
    assert found.updated_at.month == 2


def test_canned_responses() -> None:
    record = {"id": 8, "title": "인사", "content_html": "<p>안녕하세요</p>", "updated_at": "2026-01-01T00:00:00Z"}
    assert canned_of(record, "General", "ko").visibility is Visibility.INTERNAL
    assert canned_of(record | {"visibility": 2}, "General", "ko").visibility is Visibility.INTERNAL
    shared = canned_of(record | {"visibility": 0}, "General", "ko")
    assert (shared.visibility, shared.canned, shared.original_id) == (Visibility.RESTRICTED, True, "canned-8")

"""Rows into tickets: guessed columns, the vendors' own exports, words and times in two languages."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.adapters.file.tables.layout import BadRowError, flat
from backend.adapters.file.tickets.columns import guess
from backend.adapters.file.tickets.normalize import is_gone, key_of, ticket_of
from backend.adapters.file.tickets.plan import Plan
from backend.adapters.file.tickets.times import moment_of
from backend.adapters.file.tickets.words import priority_of, status_of
from backend.core.model.ticket import ConversationKind, Priority, Role, Status, Ticket

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def of_json(value: dict[str, Any]) -> tuple[Ticket, Plan]:
    """A ticket of one JSON object, by a guessed plan."""
    record = flat(value)
    plan = guess(tuple(record), values=record)
    assert plan is not None
    return ticket_of([record], plan, key_of(record, plan), moment=NOW), plan


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (
            ["티켓번호", "제목", "문의내용", "처리상태", "고객명", "접수일시"],
            {"id": "티켓번호", "description": "문의내용", "created_at": "접수일시"},
        ),
        (["Case Number", "Title", "Body", "State", "Owner"], {"id": "Case Number", "subject": "Title", "assignee": "Owner"}),
        (["No", "작성일", "작성자", "제목", "내용", "답변", "답변일"], {"answer": "답변", "resolved_at": "답변일", "requester": "작성자"}),
    ],
)
def test_columns_are_guessed_by_their_headings(headings: list[str], expected: dict[str, str]) -> None:
    plan = guess(headings)
    assert plan is not None
    assert expected.items() <= plan.columns.items()
    assert len(set(plan.columns.values())) == len(plan.columns)


@pytest.mark.parametrize(
    "headings", [["이름", "전화번호", "주소"], ["sku", "price", "stock"], ["title", "content"], ["date", "amount", "memo"]]
)
def test_what_is_no_ticket_list_is_none(headings: list[str]) -> None:
    assert guess(headings) is None


def test_freshdesks_csv() -> None:
    row = {
        "Ticket ID": "42",
        "Subject": "Login",
        "Status": "Resolved",
        "Source": "Email",
        "Agent": "Kim",
        "Created time": "2025-11-03 05:05:33",
        "Resolved time": "2025-11-04 01:00:00",
        "Last update time": "2025-11-04 01:00:00",
        "Resolution status": "SLA",
        "Tags": "a, b",
        "Full name": "Park",
        "Title": "Buyer",
    }
    headings = tuple(row)
    plan = guess(headings)
    assert plan is not None
    assert plan.preset == "freshdesk"
    ticket = ticket_of([row], plan, key_of(row, plan), moment=NOW)
    assert (ticket.subject, ticket.requester and ticket.requester.name, ticket.tags) == ("Login", "Park", ("a", "b"))
    assert ticket.custom_fields == {"Title": "Buyer", "Resolution status": "SLA"}
    assert ticket.updated_at == datetime(2025, 11, 4, 1, tzinfo=UTC)


def test_a_freshdesk_account_exports_ticket() -> None:
    value = {
        "id": 9,
        "display_id": 42,
        "subject": "로그인",
        "description": "안 됩니다",
        "status": 4,
        "priority": 4,
        "requester_id": 7,
        "responder_id": 8,
        "deleted": False,
        "created_at": "2025-11-03T14:05:33+09:00",
        "tags": [{"name": "sso"}],
        "requester": {"id": 7, "name": "박", "email": "p@x.kr"},
        "notes": [
            {"id": 1, "body": "created_by: system", "private": True, "user_id": 8, "created_at": "2025-11-03T15:00:00+09:00"},
            {"id": 2, "body": "확인 중", "private": True, "user_id": 8, "created_at": "2025-11-03T15:00:00+09:00"},
            {
                "id": 3,
                "body_html": "<p>해결됐나요?</p>",
                "body": "해결됐나요?",
                "private": False,
                "user_id": 8,
                "created_at": "2025-11-03T16:00:00Z",
            },
            {"id": 4, "body": "네", "private": False, "user_id": 7, "created_at": "2025-11-03T17:00:00Z"},
        ],
    }
    ticket, plan = of_json(value)
    assert (plan.preset, ticket.original_id, ticket.status, ticket.priority) == ("freshdesk", "42", Status.RESOLVED, Priority.URGENT)
    turns = [(turn.original_id, turn.kind, turn.role, turn.private) for turn in ticket.conversations[1:]]
    assert turns == [
        ("2", ConversationKind.NOTE, Role.AGENT, True),
        ("3", ConversationKind.REPLY, Role.AGENT, False),
        ("4", ConversationKind.REPLY, Role.CUSTOMER, False),
    ]
    assert ticket.conversations[2].html == "<p>해결됐나요?</p>"
    assert (ticket.tags, ticket.created_at) == (("sso",), datetime(2025, 11, 3, 5, 5, 33, tzinfo=UTC))


def test_zendesks_json_with_comments() -> None:
    value = {
        "id": 35,
        "subject": "Export",
        "description": "It hangs",
        "status": "hold",
        "priority": None,
        "requester_id": 7,
        "submitter_id": 7,
        "brand_id": 1,
        "ticket_form_id": 2,
        "via": {"channel": "web"},
        "tags": ["export", "slow"],
        "created_at": "2025-11-03T05:00:00Z",
        "updated_at": "2025-11-05T05:00:00Z",
        "requester": {"id": 7, "name": "Lee", "email": "lee@example.com"},
        "comments": [
            {"id": 1, "author_id": 7, "body": "It hangs", "public": True, "created_at": "2025-11-03T05:00:00Z"},
            {"id": 2, "author_id": 9, "body": "See https://x", "public": False, "created_at": "2025-11-03T06:00:00Z"},
            {"id": 3, "author_id": 9, "html_body": "<b>Try</b> again</div>", "public": True, "created_at": "2025-11-03T07:00:00Z"},
        ],
    }
    ticket, plan = of_json(value)
    assert (plan.preset, ticket.status, ticket.channel, ticket.tags) == ("zendesk", Status.PENDING, "web", ("export", "slow"))
    assert [(turn.original_id, turn.private) for turn in ticket.conversations] == [("description", False), ("2", True), ("3", False)]
    assert ticket.requester is not None
    assert ticket.requester.original_id == "7"


def test_rows_of_one_ticket_are_its_conversations() -> None:
    plan = guess(["id", "subject", "status", "comment", "author", "private", "comment date", "requester"])
    assert plan is not None
    row = {"id": "1", "subject": "s", "status": "open", "requester": "Kim"}
    rows = [
        row | {"comment": "first", "author": "Kim", "comment date": "2025-01-01 10:00"},
        row | {"comment": "second", "author": "Agent", "private": "yes", "comment date": "2025-01-01 11:00"},
        row | {"comment": "third", "author": "Agent", "private": "maybe", "comment date": "2025-01-01 12:00"},
        row | {"comment": "fourth", "author": "Agent", "private": "no", "comment date": "2025-01-01 09:00"},
    ]
    ticket = ticket_of(rows, plan, "1", moment=NOW)
    assert [(turn.text, turn.private) for turn in ticket.conversations] == [
        ("first", False),
        ("fourth", False),
        ("second", True),
        ("third", True),
    ]


def test_a_row_without_anything_to_find_makes_no_sense() -> None:
    plan = guess(["번호", "제목", "상태"])
    assert plan is not None
    with pytest.raises(BadRowError):
        ticket_of([{"번호": "1", "상태": "접수"}], plan, "1", moment=NOW)
    with pytest.raises(BadRowError):
        key_of({"제목": "x"}, plan)
    assert is_gone({"상태": "삭제됨"}, plan)


def test_a_ticket_without_an_id_is_named_by_what_it_says() -> None:
    plan = guess(["제목", "내용", "상태", "접수일"])
    assert plan is not None
    row = {"제목": "a", "내용": "b"}
    assert key_of(row, plan) == key_of(dict(reversed(row.items())), plan)
    assert key_of(row, plan) != key_of(row | {"내용": "c"}, plan)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-11-03T14:05:33+09:00", "05:05:33"),
        ("2025-11-03 14:05:33", "05:05:33"),
        ("2025-11-03 14:05:33 +0900", "05:05:33"),
        ("2025-11-03 05:05:33 UTC", "05:05:33"),
        ("2025-11-03 14:05:33 KST", "05:05:33"),
        ("2025. 11. 3. 오후 2:05:33", "05:05:33"),
        ("2025년 11월 3일 14시 5분 33초", "05:05:33"),
        ("11/03/2025 2:05:33 PM", "05:05:33"),
        ("Mon, 03 Nov 2025 14:05:33 +0900", "05:05:33"),
        ("1762146333", "05:05:33"),
        (1762146333000, "05:05:33"),
    ],
)
def test_times_as_people_write_them(text: Any, expected: str) -> None:
    moment = moment_of(text, "Asia/Seoul")
    assert moment is not None
    assert f"{moment:%Y-%m-%d %H:%M:%S}" == f"2025-11-03 {expected}"


@pytest.mark.parametrize("text", ["어제", "2025-13-45", "3", "n/a", "12:30"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(BadRowError):
        moment_of(text, "UTC")


def test_words_for_status_and_priority() -> None:
    words = {"답변완료": Status.RESOLVED, "처리 중": Status.OPEN, "On-hold": Status.PENDING, "종결": Status.CLOSED, "검토": Status.OTHER}
    assert {word: status_of(word, "", {}, solved=False)[0] for word in words} == words
    assert status_of("검토", "", {"검토": "pending"}, solved=False) == (Status.PENDING, "검토")
    assert status_of("", "", {}, solved=True)[0] is Status.RESOLVED
    assert [priority_of(word, "") for word in ("긴급", "Normal", "낮음", "P2", "?")] == [
        Priority.URGENT,
        Priority.MEDIUM,
        Priority.LOW,
        Priority.HIGH,
        Priority.MEDIUM,
    ]

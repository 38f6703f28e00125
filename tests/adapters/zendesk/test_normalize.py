"""Documented payloads in, tickets out; odd ones are handled by what they say, never by a crash."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.adapters.zendesk.comments import clean
from backend.adapters.zendesk.html import inline_id
from backend.adapters.zendesk.names import fields_of
from backend.adapters.zendesk.normalize import gone_as, ticket_of
from backend.core.errors import AppError, Code
from backend.core.model.ticket import ConversationKind, Organization, Presence, Priority, Role, Status, Ticket
from tests.adapters.zendesk.payloads import COMMENT, NAMES, SITE, TICKET, Json, users

T = TypeVar("T")


def made(*comments: Json, **changes: Any) -> Ticket:
    return ticket_of({**TICKET, **changes}, comments, NAMES, users(), organization=Organization(original_id="509974"), site=SITE)


def said(number: int, **changes: Any) -> Json:
    return {**COMMENT, "id": number, "attachments": [], "created_at": f"2026-07-21T00:00:{number % 60:02d}Z", **changes}


def test_a_whole_ticket() -> None:
    ticket = made(COMMENT, said(2, author_id=235323), said(3, public=False, author_id=235323))
    assert (ticket.original_id, ticket.subject, ticket.url) == ("35436", "결제가 안 됩니다", f"{SITE}/agent/tickets/35436")
    assert (ticket.status, ticket.status_label, ticket.priority) == (Status.PENDING, "외부 확인 중", Priority.HIGH)
    assert (ticket.group, ticket.product, ticket.channel, ticket.ticket_type) == ("Billing", "Acme Pay", "phone", "incident")
    assert ticket.custom_fields == {"Plan": "High end", "시장": "한국, 미국", "VIP": "false", "Hours": "12.5", "999": "gone"}
    assert (ticket.satisfaction, ticket.tags) == ("good", ("enterprise", "other_tag"))
    assert ticket.requester is not None
    assert ticket.assignee is not None
    assert (ticket.requester.name, ticket.assignee.email) == ("김고객", "lee@acme.example")
    first, reply, note = ticket.conversations
    assert (first.kind, first.role, first.original_id) == (ConversationKind.DESCRIPTION, Role.CUSTOMER, "1274")
    assert (reply.kind, reply.role, reply.private) == (ConversationKind.REPLY, Role.AGENT, False)
    assert (note.kind, note.role, note.private) == (ConversationKind.NOTE, Role.AGENT, True)
    (file,) = ticket.attachments
    assert (file.original_id, file.name, file.size, file.parent_id, file.internal) == ("498483", "crash.log", 2532, None, False)


def test_nothing_of_the_writers_machine_is_kept() -> None:
    voice = {**COMMENT, "data": {"location": "Seoul", "transcription_text": "여보세요"}, "system": {"ip_address": "1.1.1.1"}}
    kept = clean(voice)
    assert "1.1.1.1" not in str(kept)
    assert "Seoul" not in str(kept)
    assert kept["data"]["transcription_text"] == "여보세요"


def test_a_calls_transcript_is_read_once() -> None:
    voice = said(2, type="VoiceComment", html_body="<p>Call from +82</p>", data={"transcription_text": "환불해 주세요 <제발>"})
    assert made(COMMENT, voice).conversations[1].html == "<p>Call from +82</p><p>환불해 주세요 &lt;제발&gt;</p>"
    again = said(2, html_body="<p>환불해  주세요</p>", data={"transcription_text": "환불해 주세요"})
    assert made(COMMENT, again).conversations[1].html == "<p>환불해  주세요</p>"
    bare = said(2, html_body=None, plain_body=None, body="Call", data={"transcription_text": "환불"})
    assert made(COMMENT, bare).conversations[1].text == "Call\n환불"


@pytest.mark.parametrize(
    ("comment", "role", "kind"),
    [
        ({"author_id": -1}, Role.SYSTEM, ConversationKind.SYSTEM),
        ({"via": {"channel": "rule"}}, Role.SYSTEM, ConversationKind.SYSTEM),
        ({"author_id": 404}, Role.CUSTOMER, ConversationKind.REPLY),
        ({"author_id": 404, "public": False}, Role.AGENT, ConversationKind.NOTE),
        ({"public": None}, Role.CUSTOMER, ConversationKind.NOTE),
        ({"via": {"channel": "chat"}, "author_id": 235323}, Role.AGENT, ConversationKind.REPLY),
    ],
)
def test_who_wrote_it(comment: Json, role: Role, kind: ConversationKind) -> None:
    turn = made(COMMENT, said(2, **comment)).conversations[1]
    assert (turn.role, turn.kind) == (role, kind)


def test_what_does_not_say_that_it_is_public_is_private() -> None:
    file = {**COMMENT["attachments"][0], "id": 7}
    first, second = made({**COMMENT, "public": False}, said(2, public="yes", attachments=[file])).conversations
    assert first.private
    assert second.private
    assert second.attachments[0].internal
    assert made({**COMMENT, "public": False}).attachments[0].internal


def test_files_that_are_not_to_be_had_are_left_out() -> None:
    base = COMMENT["attachments"][0]
    infected = {**base, "id": 2, "malware_scan_result": "malware_found"}
    trusted = {**infected, "id": 3, "malware_access_override": True}
    ticket = made({**COMMENT, "attachments": [{**base, "deleted": True}, infected, trusted, {"id": None}, "odd"]})
    assert [file.original_id for file in ticket.attachments] == ["3"]


def test_a_picture_is_known_by_its_token_whoever_tells_of_it() -> None:
    url = f"{SITE}/attachments/token/Tok3n/?name=%ED%99%94%EB%A9%B4.png"
    shown = {"id": 9, "inline": True, "content_url": url, "file_name": "화면.png"}
    body = f'<p>보세요 <img src="{url}"></p>'
    listed = made({**COMMENT, "html_body": body, "attachments": [shown]}, said(2, html_body=body))
    bulk = made({**COMMENT, "html_body": body, "attachments": []})
    assert [file.original_id for file in listed.attachments] == [file.original_id for file in bulk.attachments] == [inline_id("Tok3n")]
    assert listed.attachments[0].name == "화면.png"
    assert listed.conversations[1].attachments == ()
    assert "Tok3n" not in inline_id("Tok3n")


@pytest.mark.parametrize(
    "text",
    ["This request was closed and merged into request #18 &quot;Refund&quot;.", "이 요청은 종료되고 요청 #18 (으)로 병합되었습니다."],
)
def test_merged_into_another(text: str) -> None:
    closing = said(2, author_id=235323, public=False, html_body=f"<p>{text}</p>")
    ticket = made(COMMENT, closing, status="closed", tags=["closed_by_merge"])
    assert (ticket.presence, ticket.merged_into) == (Presence.MERGED, "18")
    assert made(COMMENT, closing, status="open", tags=["closed_by_merge"]).presence is Presence.LIVE
    assert made(COMMENT, closing, status="closed", tags=["merged"]).presence is Presence.LIVE


def test_how_a_ticket_is_gone() -> None:
    assert gone_as(TICKET) is None
    assert gone_as({**TICKET, "status": "deleted"}) is Presence.DELETED
    assert gone_as({**TICKET, "status": "deleted", "subject": "SCRUBBED", "submitter_id": -1}) is Presence.PURGED
    # Somebody may write that word.
    assert gone_as({**TICKET, "subject": "SCRUBBED"}) is None


def test_fields_of_one_title_keep_apart() -> None:
    found = fields_of([{"id": 1, "title": "Plan"}, {"id": 2, "title": "Plan"}, {"id": 3, "removable": False, "title": "Status"}, {"id": 4}])
    assert [field.title for field in found.values()] == ["Plan", "Plan (2)", "4"]


def made_or_named(make: Callable[[], T]) -> T | str:
    """What was made, or the name of the field that made it impossible."""
    try:
        return make()
    except AppError as error:
        if error.code is not Code.SOURCE_MALFORMED:
            raise
        return str(error.details["field"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(10**30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(TICKET)), JSON, max_size=6),
    st.dictionaries(st.sampled_from(sorted(COMMENT)), JSON, max_size=5),
    st.sets(st.sampled_from(sorted(TICKET)), max_size=6),
)
def test_odd_payloads_make_a_ticket_or_name_the_field(ticket: Json, comment: Json, missing: set[str]) -> None:
    record = {key: value for key, value in {**TICKET, **ticket, "unheard_of": {"new": True}}.items() if key not in missing}
    found = made_or_named(lambda: ticket_of(record, [COMMENT, {**COMMENT, "id": 2, **comment}], NAMES, users(), site=SITE))
    if isinstance(found, Ticket):
        assert found.conversations
        assert found.status in Status
        assert all(0 <= file.size < 2**53 for file in found.attachments)
    else:
        assert found in {"id", "created_at", "updated_at"}

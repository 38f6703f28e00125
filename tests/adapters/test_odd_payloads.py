"""Whatever comes in the place of a documented payload: it is read, or SOURCE_MALFORMED names its field; nothing crashes."""

from datetime import UTC

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.adapters.freshdesk import names as freshdesk_names
from backend.adapters.freshdesk.normalize import presence_of
from backend.adapters.freshdesk.normalize import ticket_of as freshdesk_ticket
from backend.adapters.freshdesk.normalize_article import Folder, canned_of
from backend.adapters.freshdesk.normalize_article import article_of as freshdesk_article
from backend.adapters.zendesk import names as zendesk_names
from backend.adapters.zendesk.comments import clean
from backend.adapters.zendesk.normalize import gone_as
from backend.adapters.zendesk.normalize import ticket_of as zendesk_ticket
from backend.adapters.zendesk.normalize_article import article_of as zendesk_article
from backend.adapters.zendesk.normalize_article import macro_of, shelves_of
from backend.adapters.zendesk.people import user_of
from backend.core.model.article import Article
from backend.core.model.ticket import Ticket
from tests.adapters.freshdesk import payloads as freshdesk
from tests.adapters.odd import made_or_malformed, odd
from tests.adapters.zendesk import payloads as zendesk
from tests.adapters.zendesk.test_normalize_article import ARTICLE as ZENDESK_ARTICLE

SITE = "https://acme.example"
EXAMPLES = 80
FRESHDESK_NAMES = freshdesk_names.Names(
    agents={}, groups={"7": "지원"}, products={}, statuses={2: "Open"}, fields={"cf_order": "주문 번호"}, sources={}
)
FOLDER = Folder(folder_id=4, path="환불", category="도움말", visibility=1)
SECTION = {"id": 1, "name": "환불", "category_id": 9, "parent_section_id": None}
SEGMENT = {"id": 5, "user_type": "signed_in_users", "name": "회원"}
MACRO = {
    "id": 11,
    "title": "결제::환불 안내",
    "active": True,
    "restriction": {"type": "Group", "id": 4, "ids": [4]},
    "actions": [
        {"field": "comment_value_html", "value": "<p>환불해 드리겠습니다</p>"},
        {"field": "comment_mode_is_public", "value": "true"},
    ],
    "created_at": "2026-07-20T22:55:29Z",
    "updated_at": "2026-07-20T22:55:29Z",
}
ZENDESK_FIELD = {"id": 1, "title": "Plan", "raw_title": "Plan", "removable": True, "custom_field_options": [{"value": "a", "name": "A"}]}


def kept(item: Ticket | Article | None) -> None:
    """What was made can be stored, and says what a ticket or an article has to say."""
    if item is None:
        return
    assert msgspec.json.decode(msgspec.json.encode(item), type=type(item)) == item
    assert item.original_id
    assert item.created_at.tzinfo is UTC
    assert item.updated_at.tzinfo is UTC
    files = [*item.attachments]
    if isinstance(item, Ticket):
        assert item.conversations
        files += [file for turn in item.conversations for file in turn.attachments]
        assert all(file.internal for turn in item.conversations if turn.private for file in turn.attachments)
    assert all(file.original_id and 0 <= file.size < 2**63 for file in files)


@settings(max_examples=EXAMPLES)
@given(odd(freshdesk.TICKET), st.lists(odd(freshdesk.CONVERSATION), max_size=2))
def test_freshdesk_tickets(ticket: freshdesk.Json, turns: list[freshdesk.Json]) -> None:
    made_or_malformed(lambda: presence_of(ticket))
    kept(made_or_malformed(lambda: freshdesk_ticket(ticket, turns, FRESHDESK_NAMES, site=SITE)))


@settings(max_examples=EXAMPLES)
@given(odd(freshdesk.ARTICLE), odd(freshdesk.ARTICLE), odd(freshdesk.CANNED))
def test_freshdesk_articles(first: freshdesk.Json, second: freshdesk.Json, canned: freshdesk.Json) -> None:
    kept(made_or_malformed(lambda: freshdesk_article({"ko": first, "en": second}, FOLDER, site=SITE)))
    kept(made_or_malformed(lambda: canned_of(canned, "환불", "ko")))


@settings(max_examples=EXAMPLES)
@given(odd(freshdesk.AGENT), odd(freshdesk.FIELD), odd(freshdesk.RATING))
def test_freshdesk_names(agent: freshdesk.Json, field: freshdesk.Json, rating: freshdesk.Json) -> None:
    made_or_malformed(lambda: freshdesk_names.people_of([agent]))
    made_or_malformed(lambda: freshdesk_names.field_labels([field]))
    made_or_malformed(lambda: freshdesk_names.status_labels(field.get("choices")))
    made_or_malformed(lambda: freshdesk_names.source_labels(field.get("choices")))
    made_or_malformed(lambda: freshdesk_names.latest_ratings([rating]))


@settings(max_examples=EXAMPLES)
@given(odd(zendesk.TICKET), st.lists(odd(zendesk.COMMENT), max_size=2), odd(zendesk.USERS[0]))
def test_zendesk_tickets(ticket: zendesk.Json, comments: list[zendesk.Json], user: zendesk.Json) -> None:
    made_or_malformed(lambda: gone_as(ticket))
    found = made_or_malformed(lambda: user_of(user))
    people = zendesk.users() | ({} if found is None else {"20978392": found})
    kept(made_or_malformed(lambda: zendesk_ticket(ticket, [clean(each) for each in comments], zendesk.NAMES, people, site=SITE)))


@settings(max_examples=EXAMPLES)
@given(odd(ZENDESK_ARTICLE), odd(MACRO), odd(SECTION), odd(SEGMENT), odd(ZENDESK_FIELD))
def test_zendesk_articles_and_names(
    article: zendesk.Json, macro: zendesk.Json, section: zendesk.Json, segment: zendesk.Json, field: zendesk.Json
) -> None:
    shelves = made_or_malformed(lambda: shelves_of([section], [{"id": 9, "name": "결제"}], [segment]))
    if shelves is not None:
        kept(made_or_malformed(lambda: zendesk_article(article, shelves, [zendesk.COMMENT["attachments"][0]])))
    kept(made_or_malformed(lambda: macro_of(macro)))
    made_or_malformed(lambda: zendesk_names.fields_of([field]))

"""Odd tickets and articles: nulls, unknown values, other types."""

from typing import Any

import msgspec
import pytest
from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.ticket import Status

from desklore_birchdesk.client import shaped
from desklore_birchdesk.normalize import article_of, ticket_of
from desklore_birchdesk.payloads import ArticlePayload, TicketPayload
from desklore_birchdesk.standin import World

SITE = "https://acme.birchdesk.example"
NEEDED = {"id": "t-1", "created_at": "2026-03-02T09:00:00Z", "changed_at": "2026-03-02T18:00:00+09:00"}


def ticket(**fields: Any) -> Any:
    """A ticket as it comes over the wire."""
    return ticket_of(shaped(NEEDED | fields, TicketPayload, b"{}"), site=SITE)


def test_a_ticket_of_nothing_but_what_it_has_to_have() -> None:
    assert ticket() == ticket(**dict.fromkeys(set(TicketPayload.__struct_fields__) - set(NEEDED)))
    assert ticket().updated_at == ticket().created_at
    assert ticket(id=2**70).original_id == str(2**70)


def test_unknown_values_are_kept_by_their_names() -> None:
    odd = ticket(
        status="snoozed", priority="cosmic", a_new_field={"x": 1}, fields={"버전": "5.1", "빈 칸": None, "seats": 3, "many": ["a", "b"]}
    )
    assert (odd.status, odd.status_label) == (Status.OTHER, "Snoozed")
    assert odd.custom_fields == {"버전": "5.1", "seats": "3", "many": "a, b"}


def test_a_message_that_does_not_say_that_it_is_public_is_private() -> None:
    messages = [{"id": n, "created_at": "2026-03-02T09:00:00Z", "internal": internal} for n, internal in enumerate((False, None, True))]
    assert [turn.private for turn in ticket(messages=messages).conversations] == [False, True, True]


@pytest.mark.parametrize("field", ["id", "created_at", "messages", "tags", "fields", "requester"])
def test_another_shape_names_its_field_and_keeps_what_came(field: str) -> None:
    with pytest.raises(AppError) as caught:
        shaped(NEEDED | {field: 1.5}, TicketPayload, b'{"what": "came"}')
    assert caught.value.code is Code.SOURCE_MALFORMED
    assert f"$.{field}" in caught.value.message
    assert caught.value.raw == b'{"what": "came"}'


def test_who_may_read_an_article() -> None:
    for record in World(tickets=0).articles.values():
        article = article_of(msgspec.convert(record, ArticlePayload), site=SITE)
        published = any(text["published"] for text in record["texts"])
        wanted = {"everyone": Visibility.PUBLIC, "customers": Visibility.RESTRICTED}.get(record["audience"], Visibility.INTERNAL)
        assert article.visibility is (wanted if published else Visibility.INTERNAL)

"""Articles in all languages as one, who may read them, and which macros are knowledge."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.adapters.zendesk.normalize_article import article_of, language_of, macro_of, shelves_of
from backend.core.model.article import Visibility
from tests.adapters.zendesk.payloads import Json
from tests.adapters.zendesk.test_normalize import JSON, made_or_named

SHELVES = shelves_of(
    [{"id": 1, "name": "환불", "category_id": 9}, {"id": 2, "name": "카드", "category_id": 9, "parent_section_id": 1}],
    [{"id": 9, "name": "결제"}],
    [{"id": 5, "user_type": "signed_in_users"}, {"id": 6, "user_type": "staff"}, {"id": 7, "user_type": "something_new"}],
)
AT = "2026-07-20T22:55:29Z"
ARTICLE: Json = {
    "id": 35467,
    "html_url": "https://acme.zendesk.com/hc/ko/articles/35467",
    "section_id": 2,
    "source_locale": "ko",
    "locale": "ko",
    "draft": False,
    "user_segment_id": None,
    "label_names": ["환불", "card"],
    "created_at": AT,
    "updated_at": AT,
    "title": "환불 방법",
    "body": "<p>환불은 …</p>",
    "translations": [
        {"id": 2, "locale": "en-us", "title": "Refunds", "body": "<p>How</p>", "draft": False, "updated_at": "2026-07-25T00:00:00Z"},
        {"id": 1, "locale": "ko", "title": "환불 방법", "body": "<p>환불은 …</p>", "draft": False, "updated_at": AT},
    ],
}


def test_translations_are_one_article_with_its_own_language_first() -> None:
    article = article_of(ARTICLE, SHELVES, [{"id": 4, "file_name": "guide.pdf", "content_url": "https://x.example/4", "size": 3}])
    assert [(each.language, each.title) for each in article.translations] == [("ko", "환불 방법"), ("en", "Refunds")]
    assert (article.category, article.folder, article.tags) == ("결제", "환불 / 카드", ("환불", "card"))
    assert article.updated_at.day == 25
    assert article.visibility is Visibility.PUBLIC
    assert [(file.original_id, file.name, file.internal) for file in article.attachments] == [("4", "guide.pdf", False)]


@pytest.mark.parametrize(
    ("changes", "visibility"),
    [
        ({"user_segment_id": 5}, Visibility.RESTRICTED),
        ({"user_segment_id": 6}, Visibility.INTERNAL),
        ({"user_segment_id": 7}, Visibility.INTERNAL),
        ({"user_segment_id": 404}, Visibility.INTERNAL),
        ({"user_segment_ids": [5, 6]}, Visibility.RESTRICTED),
        ({"translations": [{**each, "draft": True} for each in ARTICLE["translations"]]}, Visibility.INTERNAL),
    ],
)
def test_who_may_read_it(changes: Json, visibility: Visibility) -> None:
    assert article_of({**ARTICLE, **changes}, SHELVES, []).visibility is visibility


def test_an_article_that_tells_nobody_who_may_read_it_is_for_agents() -> None:
    bare = {key: value for key, value in ARTICLE.items() if key != "user_segment_id"}
    assert article_of(bare, SHELVES, []).visibility is Visibility.INTERNAL


def test_a_draft_translation_of_a_published_article() -> None:
    english, korean = ARTICLE["translations"]
    article = article_of({**ARTICLE, "translations": [{**english, "draft": True}, korean]}, SHELVES, [])
    assert [(each.language, each.draft) for each in article.translations] == [("ko", False), ("en", True)]
    assert article.visibility is Visibility.PUBLIC


@pytest.mark.parametrize(("locale", "language"), [("en-us", "en"), ("ko", "ko"), ("pt-br", "pt-BR"), ("zh-TW", "zh-TW"), ("", "")])
def test_languages(locale: str, language: str) -> None:
    assert language_of(locale) == language


def macro(*actions: tuple[str, Any], **changes: Any) -> Json:
    found = [{"field": field, "value": value} for field, value in actions]
    return {"id": 25, "title": "결제::카드::환불 안내", "active": True, "restriction": None, "actions": found, "updated_at": AT, **changes}


def test_a_macro_is_knowledge() -> None:
    made = macro_of(macro(("status", "solved"), ("comment_value_html", "<p>환불해 드렸습니다.</p>")))
    assert made is not None
    assert (made.original_id, made.folder, made.translations[0].title) == ("macro-25", "결제 / 카드", "환불 안내")
    assert (made.canned, made.visibility, made.translations[0].language) == (True, Visibility.RESTRICTED, "ko")
    plain = macro_of(macro(("comment_value", ["channel:all", "Refund\n<done>"])))
    assert plain is not None
    assert plain.translations[0].html == "Refund<br>&lt;done&gt;"


def test_who_may_use_a_macro() -> None:
    text = ("comment_value", "Done")
    for odd in (macro(text, active=False), macro(text, restriction={"type": "User", "id": 4}), macro(("status", "open")), macro()):
        assert macro_of(odd) is None
    for inside in (macro(text, restriction={"type": "Group", "ids": [4]}), macro(text, ("comment_mode_is_public", False))):
        made = macro_of(inside)
        assert made is not None
        assert made.visibility is Visibility.INTERNAL


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ARTICLE)), JSON, max_size=6), st.lists(JSON, max_size=3))
def test_odd_articles_are_made_or_name_the_field(changes: Json, files: list[Any]) -> None:
    records = [each for each in files if isinstance(each, dict)]
    article = made_or_named(lambda: article_of({**ARTICLE, **changes}, SHELVES, records))
    assert isinstance(article, str) or article.translations


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(macro())), JSON, max_size=6))
def test_odd_macros_are_made_or_left_out(changes: Json) -> None:
    found = made_or_named(lambda: macro_of({**macro(("comment_value", "x")), **changes}))
    assert found is None or isinstance(found, str) or found.canned

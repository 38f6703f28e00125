"""The help center of the default brand (https://developer.zendesk.com/api-reference/help_center/help-center-api/introduction/)."""

from urllib.parse import urlencode

import orjson

from sandbox.data.facts import iso
from sandbox.data.model import Json
from sandbox.data.shelf import DRAFT, PRIMARY, Article, Folder
from sandbox.wire import Answer, Ask, Refusal, ok
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import failure, missing, paged, whole

LOCALES = {"ko": "ko", "en": "en-us"}
STAFF, SIGNED_IN, COMPANIES = 67_790_000_003, 67_790_000_002, 67_790_000_004
#: Visibility of a folder in the shared data -> the user segment of its articles; None is everybody.
SEGMENTS: dict[int, int | None] = {1: None, 2: SIGNED_IN, 3: STAFF, 4: COMPANIES, 5: STAFF}


def segment_of(folder: Folder) -> int | None:
    """Who may read the articles of a folder."""
    return SEGMENTS[folder.visibility]


def article_json(site: Site, article: Article, language: str = "") -> Json:
    """An article in its source language, or in another one."""
    own = PRIMARY if PRIMARY in article.texts else next(iter(article.texts))
    text = article.texts[language or own]
    segment = segment_of(site.account.shelf.folders[article.folder_id])
    place = f"{site.links.api_base}/hc/{LOCALES[language or own]}/articles/{article.id}"
    return {
        "id": article.id,
        "url": f"{site.links.api_base}/api/v2/help_center/{LOCALES[own]}/articles/{article.id}.json",
        "html_url": place,
        "author_id": article.agent_id,
        "comments_disabled": True,
        "draft": text.status == DRAFT,
        "promoted": False,
        "position": 0,
        "vote_sum": article.hits,
        "section_id": article.folder_id,
        "created_at": iso(article.created_at),
        "updated_at": iso(max(each.updated_at for each in article.texts.values())),
        "edited_at": iso(text.updated_at),
        "name": text.title,
        "title": text.title,
        "source_locale": LOCALES[own],
        "locale": LOCALES[language or own],
        "outdated": False,
        "outdated_locales": [],
        "user_segment_id": segment,
        "user_segment_ids": [] if segment is None else [segment],
        "permission_group_id": 67_790_000_001,
        "content_tag_ids": [],
        "label_names": list(article.tags),
        "body": site.links.inlined(text.body),
    }


def translation_json(site: Site, article: Article, language: str) -> Json:
    """One translation."""
    text = article.texts[language]
    return {
        "id": article.id * 10 + list(LOCALES).index(language),
        "source_id": article.id,
        "source_type": "Article",
        "locale": LOCALES[language],
        "title": text.title,
        "body": site.links.inlined(text.body),
        "draft": text.status == DRAFT,
        "outdated": False,
        "hidden": False,
        "created_at": iso(article.created_at),
        "updated_at": iso(text.updated_at),
    }


def _readable(site: Site, ask: Ask) -> Article:
    article = site.account.shelf.articles.get(ask.ids[0])
    if article is None:
        raise missing()
    return article


def _open(site: Site) -> None:
    if not site.has_help_center:
        raise Refusal(failure(404, {"error": "RecordNotFound", "description": "No help center"}))


def list_articles(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/articles`, with `include=translations` all languages."""
    _open(site)
    wanted = ask.query.get("include", "").split(",")
    shelf = site.account.shelf
    rows = [article_json(site, article) for article in shelf.articles.values()]
    if "translations" in wanted:
        for row in rows:
            row["translations"] = [translation_json(site, shelf.articles[row["id"]], lang) for lang in shelf.articles[row["id"]].texts]
    more: Json = {}
    if "sections" in wanted:
        more["sections"] = [_section(site, folder) for folder in shelf.folders.values()]
    if "categories" in wanted:
        more["categories"] = _categories(site)
    return paged(site, ask, "articles", rows, more)


def show_article(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/articles/{id}`."""
    _open(site)
    return ok({"article": article_json(site, _readable(site, ask))})


def list_translations(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/articles/{id}/translations`."""
    article = _readable(site, ask)
    return paged(site, ask, "translations", [translation_json(site, article, lang) for lang in article.texts])


def list_attachments(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/articles/{id}/attachments`."""
    article = _readable(site, ask)
    rows: list[Json] = [
        {
            "id": file.id,
            "article_id": article.id,
            "file_name": file.name,
            "content_url": site.links.lasting(file),
            "content_type": file.content_type,
            "size": len(site.account.file(file)),
            "inline": file.inline,
            "created_at": iso(file.created_at),
            "updated_at": iso(file.created_at),
        }
        for file in article.attachments
    ]
    return paged(site, ask, "article_attachments", rows)


def list_labels(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/articles/{id}/labels`."""
    return paged(site, ask, "labels", [{"id": n, "name": name} for n, name in enumerate(_readable(site, ask).tags, 1)])


def _section(site: Site, folder: Folder) -> Json:
    at = iso(site.account.reference - 500 * 86_400)
    return {
        "id": folder.id,
        "name": folder.names["ko"],
        "locale": "ko",
        "source_locale": "ko",
        "category_id": folder.category_id,
        "parent_section_id": folder.parent_id,
        "created_at": at,
        "updated_at": at,
    }


def list_sections(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/sections`."""
    _open(site)
    return paged(site, ask, "sections", [_section(site, folder) for folder in site.account.shelf.folders.values()])


def _categories(site: Site) -> list[Json]:
    at = iso(site.account.reference - 500 * 86_400)
    return [
        {"id": c.id, "name": c.names["ko"], "description": c.descriptions["ko"], "locale": "ko", "created_at": at, "updated_at": at}
        for c in site.account.shelf.categories.values()
    ]


def list_categories(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/categories`."""
    _open(site)
    return paged(site, ask, "categories", _categories(site))


def list_segments(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/user_segments`: the built-in ones and one of two companies."""
    _open(site)
    rows: list[Json] = [
        {"id": SIGNED_IN, "name": "Signed-in users", "user_type": "signed_in_users", "built_in": True, "organization_ids": []},
        {"id": STAFF, "name": "Agents and admins", "user_type": "staff", "built_in": True, "organization_ids": []},
        {
            "id": COMPANIES,
            "name": "파트너사",
            "user_type": "signed_in_users",
            "built_in": False,
            "organization_ids": sorted(site.account.people.companies)[:2],
        },
    ]
    return paged(site, ask, "user_segments", rows)


def locales(site: Site, ask: Ask) -> Answer:  # noqa: ARG001 - every route has the same two arguments
    """`GET /help_center/locales`."""
    return ok({"locales": list(LOCALES.values()), "default_locale": LOCALES[PRIMARY]})


def incremental_articles(site: Site, ask: Ask) -> Answer:
    """`GET /help_center/incremental/articles?start_time=`: no deletions; 502 for zero; null ends where nothing changed (as recorded)."""
    _open(site)
    if ask.role not in ("admin", "agent"):
        raise missing()
    start = whole(ask, "start_time", 0)
    if start == 0:
        raise Refusal(Answer(502, b"<html><body>502 Bad Gateway</body></html>", "text/html; charset=utf-8"))
    changed = [(max(text.updated_at for text in article.texts.values()), article) for article in site.account.shelf.articles.values()]
    found = sorted(((at, article) for at, article in changed if at >= start), key=lambda each: (each[0], each[1].id))[:100]
    end_time = found[-1][0] if found else None
    query = urlencode({"start_time": end_time})
    body = {
        "count": len(found),
        "next_page": f"{site.links.api_base}{ask.path}?{query}" if len(found) == 100 else None,
        "end_time": end_time,
        "articles": [article_json(site, article) for _, article in found],
    }
    return Answer(body=orjson.dumps(body))

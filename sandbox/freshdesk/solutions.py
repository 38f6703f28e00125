"""Help center and canned responses (https://developers.freshdesk.com/api/#solutions, #canned-responses)."""

from sandbox.data.facts import iso
from sandbox.data.mail import plain
from sandbox.data.model import Json
from sandbox.data.shelf import PRIMARY, TRANSLATIONS, Article, Category, Folder
from sandbox.freshdesk.render import attachments
from sandbox.freshdesk.site import Site
from sandbox.freshdesk.wire import missing
from sandbox.wire import Answer, Ask, ok

LANGUAGES = (PRIMARY, *TRANSLATIONS)


def _lang(ask: Ask) -> str:
    return ask.lang if ask.lang in LANGUAGES else PRIMARY


def _category(site: Site, item: Category, lang: str) -> Json:
    at = iso(site.account.reference - 550 * 86_400)
    return {
        "id": item.id,
        "name": item.names[lang],
        "description": item.descriptions[lang],
        "created_at": at,
        "updated_at": at,
        "visible_in_portals": [67_000_000_002],
        "language": lang,
    }


def list_categories(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/categories[/{lang}]`."""
    return site.paged(ask, [_category(site, item, _lang(ask)) for item in site.account.shelf.categories.values()])


def view_category(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/categories/{id}[/{lang}]`."""
    item = site.account.shelf.categories.get(ask.ids[0])
    if item is None:
        raise missing()
    return ok(_category(site, item, _lang(ask)))


def _folder(site: Site, item: Folder, lang: str) -> Json:
    shelf = site.account.shelf
    at = iso(site.account.reference - 540 * 86_400)
    return {
        "id": item.id,
        "name": item.names[lang],
        "description": None,
        "visibility": item.visibility,
        "category_id": item.category_id,
        "parent_folder_id": item.parent_id,
        "hierarchy": _hierarchy(site, item, lang)[:-1],
        "articles_count": sum(article.folder_id == item.id for article in shelf.articles.values()),
        "sub_folders_count": sum(other.parent_id == item.id for other in shelf.folders.values()),
        "company_ids": list(item.company_ids),
        "contact_segment_ids": [],
        "company_segment_ids": [],
        "created_at": at,
        "updated_at": at,
        "language": lang,
    }


def _hierarchy(site: Site, folder: Folder, lang: str) -> list[Json]:
    """Category, parent folder (if any) and folder, outermost first."""
    shelf = site.account.shelf
    category = shelf.categories[folder.category_id]
    chain: list[tuple[str, int, str]] = [("category", category.id, category.names[lang])]
    if folder.parent_id is not None:
        parent = shelf.folders[folder.parent_id]
        chain.append(("folder", parent.id, parent.names[lang]))
    chain.append(("folder", folder.id, folder.names[lang]))
    return [
        {"level": level, "type": kind, "data": {"id": number, "name": name, "language": lang}}
        for level, (kind, number, name) in enumerate(chain)
    ]


def list_folders(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/categories/{id}/folders[/{lang}]`: the top level only."""
    if ask.ids[0] not in site.account.shelf.categories:
        raise missing()
    found = [f for f in site.account.shelf.folders.values() if f.category_id == ask.ids[0] and f.parent_id is None]
    return site.paged(ask, [_folder(site, item, _lang(ask)) for item in found])


def list_subfolders(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/folders/{id}/subfolders`."""
    _known_folder(site, ask)
    found = [f for f in site.account.shelf.folders.values() if f.parent_id == ask.ids[0]]
    return site.paged(ask, [_folder(site, item, _lang(ask)) for item in found])


def view_folder(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/folders/{id}[/{lang}]`."""
    return ok(_folder(site, _known_folder(site, ask), _lang(ask)))


def _known_folder(site: Site, ask: Ask) -> Folder:
    folder = site.account.shelf.folders.get(ask.ids[0])
    if folder is None:
        raise missing()
    return folder


def article_json(site: Site, article: Article, lang: str) -> Json:
    """One article in one language."""
    text = article.texts[lang]
    folder = site.account.shelf.folders[article.folder_id]
    return {
        "id": article.id,
        "type": article.kind,
        "category_id": folder.category_id,
        "folder_id": article.folder_id,
        "hierarchy": _hierarchy(site, folder, lang),
        "thumbs_up": article.hits // 40,
        "thumbs_down": article.hits // 400,
        "hits": article.hits,
        "tags": list(article.tags),
        "seo_data": {"meta_title": text.title, "meta_keywords": ",".join(article.tags)},
        "agent_id": article.agent_id,
        "title": text.title,
        "description": text.body,
        "description_text": plain(text.body),
        "status": text.status,
        "feedback_count": 0,
        "attachments": attachments(site.account, article.attachments),
        "cloud_files": [],
        "language": lang,
        "created_at": iso(article.created_at),
        "updated_at": iso(text.updated_at),
    }


def list_articles(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/folders/{id}/articles[/{lang}]`; there is no `updated_since`."""
    _known_folder(site, ask)
    lang = _lang(ask)
    found = [a for a in site.account.shelf.articles.values() if a.folder_id == ask.ids[0] and lang in a.texts]
    return site.paged(ask, [article_json(site, article, lang) for article in found])


def view_article(site: Site, ask: Ask) -> Answer:
    """`GET /solutions/articles/{id}[/{lang}]`; a language without translation is not found."""
    article = site.account.shelf.articles.get(ask.ids[0])
    lang = _lang(ask)
    if article is None or lang not in article.texts:
        raise missing()
    return ok(article_json(site, article, lang))


def _canned_folder(site: Site, folder_id: int) -> Json:
    shelf = site.account.shelf
    at = iso(site.account.reference - 500 * 86_400)
    count = sum(canned.folder_id == folder_id for canned in shelf.canned.values())
    return {
        "id": folder_id,
        "name": shelf.canned_folders[folder_id],
        "personal": False,
        "responses_count": count,
        "created_at": at,
        "updated_at": at,
    }


def list_canned_folders(site: Site, ask: Ask) -> Answer:
    """`GET /canned_response_folders`."""
    return site.paged(ask, [_canned_folder(site, folder_id) for folder_id in site.account.shelf.canned_folders])


def canned_json(site: Site, number: int) -> Json:
    """One canned response."""
    item = site.account.shelf.canned[number]
    at = iso(site.account.reference - 300 * 86_400)
    return {
        "id": item.id,
        "title": item.title,
        "folder_id": item.folder_id,
        "content": plain(item.body),
        "content_html": item.body,
        "visibility": 0,
        "group_ids": [],
        "attachments": [],
        "created_at": at,
        "updated_at": at,
    }


def view_canned_folder(site: Site, ask: Ask) -> Answer:
    """`GET /canned_response_folders/{id}`: the folder with the titles in it."""
    if ask.ids[0] not in site.account.shelf.canned_folders:
        raise missing()
    inside = [{"id": c.id, "title": c.title} for c in site.account.shelf.canned.values() if c.folder_id == ask.ids[0]]
    return ok(_canned_folder(site, ask.ids[0]) | {"canned_responses": inside})


def list_canned(site: Site, ask: Ask) -> Answer:
    """`GET /canned_response_folders/{id}/responses`: whole responses."""
    if ask.ids[0] not in site.account.shelf.canned_folders:
        raise missing()
    return site.paged(ask, [canned_json(site, c.id) for c in site.account.shelf.canned.values() if c.folder_id == ask.ids[0]])


def view_canned(site: Site, ask: Ask) -> Answer:
    """`GET /canned_responses/{id}`."""
    if ask.ids[0] not in site.account.shelf.canned:
        raise missing()
    return ok(canned_json(site, ask.ids[0]))

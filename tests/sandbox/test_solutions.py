"""The help center has levels, visibilities, drafts and translations."""

from typing import Any

import httpx

from sandbox.serve import SandboxServer


async def _walk(api: httpx.AsyncClient, lang: str = "") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    folders: list[dict[str, Any]] = []
    for category in (await api.get("/solutions/categories")).json():
        top = (await api.get(f"/solutions/categories/{category['id']}/folders")).json()
        below = [child for folder in top for child in (await api.get(f"/solutions/folders/{folder['id']}/subfolders")).json()]
        folders += top + below
    articles = [
        row for f in folders for row in (await api.get(f"/solutions/folders/{f['id']}/articles{lang}", params={"per_page": 100})).json()
    ]
    return folders, articles


async def test_all_levels_and_visibilities_are_reachable(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    folders, articles = await _walk(api)
    assert {folder["visibility"] for folder in folders} == {1, 2, 3, 4, 5}
    assert any(folder["parent_folder_id"] for folder in folders)
    assert len(sandbox.account.shelf.categories) >= 5
    assert len(articles) == len(sandbox.account.shelf.articles) >= 40
    assert {article["status"] for article in articles} == {1, 2}


async def test_top_folders_leave_subfolders_out(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    child = next(folder for folder in sandbox.account.shelf.folders.values() if folder.parent_id)
    top = (await api.get(f"/solutions/categories/{child.category_id}/folders")).json()
    assert child.id not in {folder["id"] for folder in top}
    article = next(article for article in sandbox.account.shelf.articles.values() if article.folder_id == child.id)
    levels = (await api.get(f"/solutions/articles/{article.id}")).json()["hierarchy"]
    assert [level["type"] for level in levels] == ["category", "folder", "folder"]


async def test_a_translation_is_the_same_article(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    article = next(article for article in sandbox.account.shelf.articles.values() if set(article.texts) == {"ko", "en"})
    korean = (await api.get(f"/solutions/articles/{article.id}")).json()
    english = (await api.get(f"/solutions/articles/{article.id}/en")).json()
    assert korean["id"] == english["id"]
    assert korean["title"] != english["title"]
    assert any("가" <= letter <= "힣" for letter in korean["title"])


async def test_a_missing_translation_is_not_found(sandbox: SandboxServer, api: httpx.AsyncClient) -> None:
    only = next(article for article in sandbox.account.shelf.articles.values() if "en" not in article.texts)
    assert (await api.get(f"/solutions/articles/{only.id}")).status_code == 200
    assert (await api.get(f"/solutions/articles/{only.id}/en")).status_code == 404
    _, english = await _walk(api, "/en")
    assert only.id not in {article["id"] for article in english}


async def test_languages_are_told(api: httpx.AsyncClient) -> None:
    settings = (await api.get("/settings/helpdesk")).json()
    assert (settings["primary_language"], settings["supported_languages"]) == ("ko", ["en"])


async def test_canned_responses_by_folder(api: httpx.AsyncClient) -> None:
    folders = (await api.get("/canned_response_folders")).json()
    responses = [row for f in folders for row in (await api.get(f"/canned_response_folders/{f['id']}/responses")).json()]
    assert len(responses) == sum(folder["responses_count"] for folder in folders) >= 6
    assert "{{ticket.requester.name}}" in (await api.get(f"/canned_responses/{responses[0]['id']}")).json()["content_html"]

"""Where the key of a Zendesk with several brands goes, shown by servers that write down what they are sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.errors import AppError, Code, Retry
from backend.core.model.article import Article
from backend.core.model.connection import SourceSettings
from backend.core.model.document import DocType
from backend.core.model.quota import Lane
from backend.core.model.sync import ItemRef
from backend.core.model.tenant import Secret
from backend.core.ports.source import Source
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from tests.adapters.zendesk.opened import listings
from tests.support.served import served

ARTICLE: dict[str, Any] = {
    "id": 70,
    "title": "충전",
    "body": "<p>앱에서 충전합니다.</p>",
    "locale": "ko",
    "source_locale": "ko",
    "draft": False,
    "section_id": 1,
    "user_segment_id": None,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
}


class Host:
    """A server of one host: what it answers by path, and what it was asked with which authorization."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.answers: dict[str, Response] = {}
        self.url = ""

    @property
    def authority(self) -> str:
        """Host and port."""
        return self.url.split("//")[1]

    async def answer(self, request: Request) -> Response:
        """What was set for the path, or an empty list."""
        path = request.url.path.removeprefix("/api/v2").removesuffix(".json")
        self.asked.append((path, "authorization" in request.headers))
        name = path.rsplit("/", 1)[-1]
        return self.answers.get(path) or listed(name={"attachments": "article_attachments"}.get(name, name))


@asynccontextmanager
async def hosts() -> AsyncIterator[tuple[Host, Host, Host]]:
    """The account's own, a further brand's, and a third that is nobody's."""
    own, brand, other = Host(), Host(), Host()
    async with (
        served(Starlette(routes=[Route("/{path:path}", own.answer)])) as own.url,
        served(Starlette(routes=[Route("/{path:path}", brand.answer)])) as brand.url,
        served(Starlette(routes=[Route("/{path:path}", other.answer)])) as other.url,
    ):
        own.answers["/brands"] = listed(
            {"id": 1, "name": "Acme", "subdomain": "acme", "default": True, "has_help_center": True, "brand_url": own.url},
            {"id": 2, "name": "Acme Pay", "subdomain": "acme-pay", "has_help_center": True, "brand_url": brand.url},
            name="brands",
        )
        yield own, brand, other


def listed(*found: dict[str, Any], name: str = "articles") -> JSONResponse:
    """A list of one page."""
    return JSONResponse({name: list(found), "meta": {"has_more": False}})


@asynccontextmanager
async def source_at(own: Host, *allowed: Host) -> AsyncIterator[Source]:
    """A Source on the first, with the others on the operator's list too."""
    names = frozenset(each.authority for each in (own, *allowed))
    registry = SourceRegistry(names, 6, Patience(seconds=10, attempts=1), InProcessBudgets(6))
    secrets = {"email": Secret("kim@acme.example"), "api_token": Secret("t")}
    settings = SourceSettings(
        company_id="acme", connection_id="c", platform="zendesk", domain="acme", base_url=own.url, credentials=secrets
    )
    source = registry.open(settings, Lane.INCREMENTAL)
    try:
        yield source
    finally:
        await source.close()


async def fetched(source: Source, original_id: str) -> Article:
    """An article that no listing named."""
    found = (await source.fetch(ItemRef(doc_type=DocType.ARTICLE, original_id=original_id, version=""))).item
    assert isinstance(found, Article)
    return found


async def test_a_brand_that_the_operator_does_not_allow_is_not_called() -> None:
    async with hosts() as (own, brand, _), source_at(own) as source:
        pages = await listings(source)
        (unread,) = pages[-1].unread
        assert "Acme Pay" in unread.message
        assert "DESKLORE_CONNECTOR_HOST_ALLOWLIST" in unread.message
        assert brand.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_takes_the_key_nowhere(status: int) -> None:
    async with hosts() as (own, brand, other), source_at(own, brand) as source:
        brand.answers["/help_center/articles"] = RedirectResponse(f"{other.url}/api/v2/help_center/articles.json", status)
        pages = await listings(source)
        (unread,) = pages[-1].unread
        assert "the key was not sent there" in unread.message
        assert other.authority in unread.message
        assert brand.asked == [("/help_center/articles", True)]
        assert other.asked == []


async def test_a_file_is_asked_of_the_brands_host_with_the_key_and_of_no_other() -> None:
    async with hosts() as (own, brand, other), source_at(own, brand, other) as source:
        brand.answers["/help_center/articles"] = listed(ARTICLE)
        files = [{"id": n, "file_name": f"{n}.txt", "content_url": url, "size": 3} for n, url in enumerate((f"{brand.url}/f", other.url))]
        brand.answers["/help_center/articles/70/attachments"] = listed(*files, name="article_attachments")
        brand.answers["/f"] = RedirectResponse(f"{other.url}/stored", 302)
        other.answers = {"/stored": Response(b"abc"), "/": Response(b"abc")}
        ref = next(ref for page in await listings(source) for ref in page.refs)
        found = (await source.fetch(ref)).item
        # Another Source, which has listed nothing, knows the brand's host before it asks for the file.
        async with source_at(own, brand, other) as later:
            for reader in (source, later):
                for file in found.attachments:
                    async with reader.download(file, ref) as pieces:
                        assert b"".join([piece async for piece in pieces]) == b"abc"
        assert [key for path, key in brand.asked if path == "/f"] == [True, True]
        assert {key for _, key in other.asked} == {False}


async def test_a_host_that_shows_another_brands_articles_doubles_none() -> None:
    async with hosts() as (own, brand, _), source_at(own, brand) as source:
        own.answers["/help_center/articles"] = listed(ARTICLE)
        brand.answers["/help_center/articles"] = listed(ARTICLE, ARTICLE | {"id": 71})
        named = [(ref.original_id, "brand=" in ref.version) for page in await listings(source) for ref in page.refs]
        assert named == [("70", False), ("71", True)]


async def test_an_article_that_no_listing_named_is_looked_for_at_every_brand() -> None:
    async with hosts() as (own, brand, _), source_at(own, brand) as source:
        own.answers["/help_center/articles/70"] = JSONResponse({"error": "RecordNotFound"}, 404)
        brand.answers["/help_center/articles/70"] = JSONResponse({"article": ARTICLE})
        article = await fetched(source, "70")
        assert (article.product, article.translations[0].title) == ("Acme Pay", "충전")
        own.answers["/help_center/articles/70"] = JSONResponse({"article": ARTICLE | {"title": "우리 것"}})
        assert (await fetched(source, "70")).translations[0].title == "우리 것"


async def test_lists_that_a_further_brand_refuses_are_told_by_its_name() -> None:
    async with hosts() as (own, brand, _), source_at(own, brand) as source:
        brand.answers["/help_center/articles"] = listed(ARTICLE)
        brand.answers["/help_center/user_segments"] = JSONResponse({"error": "Forbidden"}, 403)
        assert not (await listings(source))[-1].unread
        assert source.unreadable == {"user_segments of Acme Pay"}


@pytest.mark.parametrize("status", [401, 302, 500, 503])
async def test_what_a_further_host_says_of_key_or_itself_ends_no_run(status: int) -> None:
    async with hosts() as (own, brand, other), source_at(own, brand) as source:
        own.answers["/help_center/articles/70"] = JSONResponse({"error": "RecordNotFound"}, 404)
        brand.answers["/help_center/articles/70"] = Response(status_code=status, headers={"Location": other.url})
        refs = [ItemRef(doc_type=DocType.ARTICLE, original_id="70", version="", hint=hint) for hint in ({}, {"brand": " brand=2;"})]
        for ref in refs:
            with pytest.raises(AppError) as caught:
                await source.fetch(ref)
            # One item is set aside: the run goes on, and the connection stays as it is.
            assert (caught.value.code, caught.value.retry) == (Code.SOURCE_REQUEST_REFUSED, Retry.NEVER)
            assert "Acme Pay" in caught.value.message
        # The next listing asks the host again.
        brand.answers["/help_center/articles"] = listed(ARTICLE)
        pages = await listings(source)
        assert [ref.original_id for page in pages for ref in page.refs] == ["70"]
        assert not pages[-1].unread
        assert other.asked == []

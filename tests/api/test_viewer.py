"""The page that shows the API: readable without the internet, and it can call the API with a key."""

import httpx
from fastapi import FastAPI

from tests.api.house import House
from tests.support.browser import browser
from tests.support.served import served


async def test_the_viewer_shows_every_group_and_asks_no_other_host(app: FastAPI, house: House) -> None:
    async with served(app) as url, browser() as chromium:
        page = await chromium.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        await page.goto(url)
        assert page.url == f"{url}/docs"
        await page.get_by_role("heading", name="Desklore").first.wait_for()
        await page.locator(".opblock-tag").first.wait_for()
        assert await page.locator(".opblock-tag").count() >= 10
        assert not wrong
        assert all(address.startswith((url, "data:")) for address in asked), asked


async def test_the_dialog_for_keys_begins_with_the_key(app: FastAPI) -> None:
    async with served(app) as url, browser() as chromium:
        page = await chromium.new_page(viewport={"width": 1280, "height": 900})
        await page.goto(f"{url}/docs")
        await page.locator(".authorize").first.click()
        await page.get_by_role("heading", name="ZendeskOAuthToken").wait_for()
        assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == "auth-bearer-value"
        seen = "fields => [fields.scrollTop, fields.scrollHeight > fields.clientHeight]"
        assert await page.locator(".modal-ux-content").evaluate(seen) == [0, True]


async def test_its_files_may_be_kept_and_its_policy_lets_nothing_else_in(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desklore.test") as client:
        page = await client.get("/docs")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "//" not in page.headers["Content-Security-Policy"]
        script = await client.get("/docs/swagger-ui-bundle.js")
        assert script.headers["Content-Type"].startswith("text/javascript")
        assert script.headers["Cache-Control"] == "public, max-age=3600"
        assert (await client.get("/docs/other.js")).status_code == 404
        assert (await client.get("/openapi.json")).headers["Content-Security-Policy"].startswith("default-src 'none'")

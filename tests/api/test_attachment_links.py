"""Attachments in a bucket: streamed by us, or by a link that only those get who may see the file."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from backend.api.app import create_app
from backend.core import ids
from backend.core.model.tenant import Role
from backend.core.ports.blobs import BlobStores
from backend.storage.blobs.s3 import S3BlobStores
from tests.api.house import RECEIPT, House

PATH = "/api/v1/attachments/paper-f1"
Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def stored(request: pytest.FixtureRequest, house: House) -> S3BlobStores:
    """The files of both tenants of the house, in a bucket."""
    stores = S3BlobStores(request.getfixturevalue("s3_client"), request.getfixturevalue("s3_buckets")[0], ids.new_id("house"))
    for company_id in ("acme", "bravo"):
        local, remote = house.services.blobs.open(company_id), stores.open(company_id)
        for key in await local.list(""):
            await remote.put(key, (await local.get(key) or b"") + (b"" if company_id == "acme" else b"bravo"))
    return stores


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    """`client(blobs, seconds, company, role)`."""
    opened: list[httpx.AsyncClient] = []
    apps: list[FastAPI] = []

    def make(blobs: BlobStores, seconds: int, company_id: str = "acme", role: Role = Role.VIEWER) -> httpx.AsyncClient:
        policy = dataclasses.replace(house.services.policy, blob_redirect_seconds=seconds)
        services = dataclasses.replace(house.services, blobs=blobs, policy=policy)
        app = create_app(services, house.auth, render_metrics=house.meter.render)
        apps.append(app)
        headers = {"Authorization": f"Bearer {house.api_keys[f'{company_id}/{role}']}"}
        opened.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desklore.test", headers=headers))
        return opened[-1]

    yield make
    for each in opened:
        await each.aclose()
    for app in apps:
        await app.state.authenticator.close()


async def test_without_the_setting_bytes_are_streamed(stored: S3BlobStores, client: Client) -> None:
    viewer = client(stored, 0)
    assert (await viewer.get(PATH)).content == RECEIPT
    part = await viewer.get(PATH, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, RECEIPT[10:20])


async def test_with_it_a_short_lived_link_is_given_after_the_checks(stored: S3BlobStores, client: Client) -> None:
    response = await client(stored, 30).get(PATH)
    assert response.status_code == 307
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    link = response.headers["location"]
    assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["30"]
    async with httpx.AsyncClient() as anyone:
        given = await anyone.get(link)
    assert given.content == RECEIPT
    assert given.headers["content-type"] == "image/png"
    assert unquote(given.headers["content-disposition"].rsplit("''", 1)[1]) == "영수증 (최종).png"
    page = (await client(stored, 30).get("/api/v1/attachments/paper-f3")).headers["location"]
    async with httpx.AsyncClient() as anyone:
        download = await anyone.get(page)
    assert download.headers["content-type"] == "application/octet-stream", "what could run is a download"
    assert download.headers["content-disposition"].startswith("attachment;")


async def test_nobody_gets_a_link_to_what_they_may_not_see(stored: S3BlobStores, client: Client) -> None:
    hidden = await client(stored, 30).get("/api/v1/attachments/paper-f2")
    assert (hidden.status_code, "location" in hidden.headers) == (404, False)
    assert (await client(stored, 30, role=Role.AGENT).get("/api/v1/attachments/paper-f2")).status_code == 307
    link = (await client(stored, 30, "bravo").get(PATH)).headers["location"]
    async with httpx.AsyncClient() as anyone:
        assert (await anyone.get(link)).content == RECEIPT + b"bravo", "the same id is another file in another tenant"


async def test_a_folder_makes_no_links_and_is_streamed(house: House, client: Client) -> None:
    assert (await client(house.services.blobs, 30).get(PATH)).content == RECEIPT

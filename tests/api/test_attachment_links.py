"""Attachments in a bucket: streamed by us, or by a link that only those get who may see the file."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse

from backend.api.app import create_app
from backend.api.links import disposition_of, linked
from backend.core import ids
from backend.core.model.tenant import Role
from backend.core.ports.blobs import BlobStore, BlobStores
from backend.storage.aws import AwsClient, AwsPlace
from backend.storage.blobs.s3 import S3BlobStores
from tests.api.house import PAGE, RECEIPT, House
from tests.servers.aws import REGION
from tests.servers.signed_s3 import SignedS3, signed_s3
from tests.support.heard import heard

PATH = "/api/v1/attachments/paper-f1"
Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def gate(aws_url: str) -> AsyncIterator[SignedS3]:
    async with signed_s3(aws_url) as made:
        yield made


@pytest.fixture
async def stored(request: pytest.FixtureRequest, house: House, gate: SignedS3) -> AsyncIterator[S3BlobStores]:
    """The files of both tenants of the house, in a bucket that takes links at their word."""
    aws = AwsClient("s3", AwsPlace(region=REGION, endpoint_url=gate.url))
    stores = S3BlobStores(aws, request.getfixturevalue("s3_buckets")[0], ids.new_id("house"))
    for company_id in ("acme", "bravo"):
        local, remote = house.services.blobs.open(company_id), stores.open(company_id)
        for key in await local.list(""):
            await remote.put(key, (await local.get(key) or b"") + (b"" if company_id == "acme" else b"bravo"))
    yield stores
    await aws.close()


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


async def test_what_could_run_comes_from_us_alone(stored: S3BlobStores, client: Client) -> None:
    page = await client(stored, 30).get("/api/v1/attachments/paper-f3")
    assert (page.status_code, page.content) == (200, PAGE), "a bucket can't say nosniff"
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-disposition"].startswith("attachment;")
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_who_can_not_follow_is_given_the_bytes(stored: S3BlobStores, client: Client) -> None:
    viewer = client(stored, 30)
    here = await viewer.get(PATH, params={"redirect": "false"}, headers={"Range": "bytes=10-19"})
    assert (here.status_code, here.content) == (206, RECEIPT[10:20])
    key = viewer.headers.pop("authorization").removeprefix("Bearer ")
    streamed = await viewer.get(PATH, headers={"X-API-Key": key})
    assert (streamed.status_code, streamed.content) == (200, RECEIPT), "a client would send this header on to the bucket"


async def test_any_file_of_ours_goes_the_same_way(stored: S3BlobStores, house: House) -> None:
    blobs, request = stored.open("acme"), Request({"type": "http", "headers": []})
    await blobs.put("exports/1.zip", b"PK")
    named = disposition_of("내보내기.zip", inline=False)

    async def asked(blobs: BlobStore, content_type: str, seconds: int = 30) -> RedirectResponse | None:
        return await linked(request, blobs, "exports/1.zip", seconds=seconds, content_type=content_type, disposition=named)

    given = await asked(blobs, "application/zip")
    assert given is not None
    async with httpx.AsyncClient() as anyone:
        answer = await anyone.get(given.headers["location"])
    assert (answer.content, answer.headers["content-disposition"]) == (b"PK", named)
    assert await asked(blobs, "application/zip", 0) is None
    assert await asked(blobs, "text/html") is None
    assert await asked(blobs, "application/octet-stream") is None
    assert await asked(house.services.blobs.open("acme"), "application/zip") is None


async def test_a_client_that_follows_reads_a_range(stored: S3BlobStores, client: Client, gate: SignedS3) -> None:
    viewer = client(stored, 30)
    async with httpx.AsyncClient(headers={"Range": "bytes=10-19"}) as follower:
        link = (await viewer.get(PATH, headers={"Range": "bytes=10-19"})).headers["location"]
        part = await follower.get(link)
    assert (part.status_code, part.content) == (206, RECEIPT[10:20])
    assert [each.partition("/")[0] for each in gate.links] == ["GET "]


async def test_a_link_ends_and_is_for_one_file(stored: S3BlobStores, client: Client, gate: SignedS3) -> None:
    link = (await client(stored, 30).get(PATH)).headers["location"]
    async with httpx.AsyncClient() as anyone:
        for other in (
            link.replace("/acme/", "/bravo/"),
            link.replace("f1/file", "f2/file"),
            link.replace("X-Amz-Expires=30", "X-Amz-Expires=3600"),
            link.replace("image%2Fpng", "text%2Fhtml"),
            link.split("?", 1)[0],
        ):
            assert other != link
            assert (await anyone.get(other)).status_code == 403, other
        gate.later = timedelta(seconds=31)
        assert (await anyone.get(link)).status_code == 403


async def test_neither_log_nor_audit_holds_a_signature(stored: S3BlobStores, client: Client, house: House) -> None:
    with heard() as stream:
        link = (await client(stored, 30).get(PATH)).headers["location"]
    log = stream.getvalue()
    assert "/api/v1/attachments/{attachment_id}" in log
    signature = parse_qs(urlsplit(link).query)["X-Amz-Signature"][0]
    async with house.services.database.open("acme") as uow:
        entries, _ = await uow.audit.list(action="attachment.read")
    assert entries
    assert not [text for text in (signature, "X-Amz-") if text in log or text in repr(entries)]


async def test_nobody_gets_a_link_to_what_they_may_not_see(stored: S3BlobStores, client: Client) -> None:
    hidden = await client(stored, 30).get("/api/v1/attachments/paper-f2")
    assert (hidden.status_code, "location" in hidden.headers) == (404, False)
    assert (await client(stored, 30, role=Role.AGENT).get("/api/v1/attachments/paper-f2")).status_code == 307
    link = (await client(stored, 30, "bravo").get(PATH)).headers["location"]
    async with httpx.AsyncClient() as anyone:
        assert (await anyone.get(link)).content == RECEIPT + b"bravo", "the same id is another file in another tenant"


async def test_a_folder_makes_no_links_and_is_streamed(house: House, client: Client) -> None:
    assert (await client(house.services.blobs, 30).get(PATH)).content == RECEIPT

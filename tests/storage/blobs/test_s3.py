"""What only a bucket has: versions, parts, links, and its own ways to fail."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.awsrequest import AWSResponse

from backend.core.errors import AppError, Code
from backend.storage.aws import AwsClient, AwsPlace
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.blobs.s3 import S3BlobStores
from tests.servers.aws import REGION, make_bucket
from tests.servers.signed_s3 import SignedS3, signed_s3

KEY = "attachments/freshdesk/1/영수증 (최종).pdf"
Stores = Callable[..., S3BlobStores]


@pytest.fixture
def client(request: pytest.FixtureRequest) -> AwsClient:
    made: AwsClient = request.getfixturevalue("s3_client")
    return made


@pytest.fixture
def bucket(client: AwsClient) -> str:
    return make_bucket(client.client, versioned=True)


@pytest.fixture
def blobs(client: AwsClient, bucket: str) -> S3BlobStores:
    return S3BlobStores(client, bucket, "/live/")


@pytest.fixture
async def eager(request: pytest.FixtureRequest) -> AsyncIterator[AwsClient]:
    """A client that tries each call once."""
    made = AwsClient("s3", AwsPlace(region=REGION, endpoint_url=request.getfixturevalue("aws_url"), attempts=1))
    yield made
    await made.close()


def everything(s3: Any, bucket: str) -> list[str]:
    """Every version and marker, seen from outside."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    return sorted(each["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ()))


@pytest.fixture
def calls(client: AwsClient) -> Iterator[list[str]]:
    """The calls to S3 that are made meanwhile."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    client.client.meta.events.register("before-call.s3", note)
    yield made
    client.client.meta.events.unregister("before-call.s3", note)


async def test_a_tenant_goes_with_every_version_marker_and_unfinished_upload(blobs: S3BlobStores, client: AwsClient, bucket: str) -> None:
    s3 = client.client
    for company in ("acme", "acme-2"):
        store = blobs.open(company)
        for number in range(3):
            await store.put(KEY, str(number).encode())
        await store.put("raw/1", b"x")
    s3.delete_object(Bucket=bucket, Key="live/acme/raw/1")
    for company in ("acme", "acme-2"):
        s3.create_multipart_upload(Bucket=bucket, Key=f"live/{company}/half")
    assert await blobs.open("acme").delete("") == 1
    assert everything(s3, bucket) == sorted([f"live/acme-2/{KEY}"] * 3 + ["live/acme-2/raw/1"])
    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["live/acme-2/half"]
    assert await blobs.open("acme").list("") == []


async def test_one_file_goes_with_its_versions_and_leaves_its_neighbors(blobs: S3BlobStores, client: AwsClient, bucket: str) -> None:
    store = blobs.open("acme")
    for key in ("a/1", "a/1", "a/1-x", "a/1/2", "a/12"):
        await store.put(key, b"x")
    assert await store.delete("a/1") == 2
    assert everything(client.client, bucket) == ["live/acme/a/1-x", "live/acme/a/12"]


async def test_large_files_go_in_parts_and_come_in_pieces(
    blobs: S3BlobStores, client: AwsClient, bucket: str, tmp_path: Path, calls: list[str]
) -> None:
    data = os.urandom(9_000_000)
    path = tmp_path / "large"
    path.write_bytes(data)
    store = blobs.open("acme")
    await store.put_file("raw/file", path)
    await store.put("raw/bytes", data)
    assert calls.count("UploadPart") == 4
    assert calls.count("CompleteMultipartUpload") == 2
    for key in ("raw/file", "raw/bytes"):
        assert await store.size(key) == len(data)
        pieces = [piece async for piece in store.read(key)]
        assert len(pieces) == 3
        assert b"".join(pieces) == data
    calls.clear()
    assert b"".join([piece async for piece in store.read("raw/file", 4_000_000, 4_400_000)]) == data[4_000_000:4_400_000]
    assert calls == ["GetObject"]


async def test_a_file_that_is_replaced_while_it_is_read_is_never_mixed(blobs: S3BlobStores) -> None:
    store = blobs.open("acme")
    await store.put("raw/1", bytes(9_000_000))
    pieces = store.read("raw/1")
    assert set(await anext(pieces)) == {0}
    await store.put("raw/1", b"\1" * 9_000_000)
    with pytest.raises(AppError) as told:
        await anext(pieces)
    assert told.value.code is Code.ATTACHMENT_NOT_FOUND


async def test_a_link_gives_the_file_with_its_name_and_type(blobs: S3BlobStores) -> None:
    store = blobs.open("acme")
    await store.put(KEY, b"%PDF-1.7")
    disposition = "attachment; filename=\"___.pdf\"; filename*=UTF-8''%EC%98%81%EC%88%98%EC%A6%9D.pdf"
    link = await store.link(KEY, seconds=60, content_type="application/pdf", disposition=disposition)
    assert link is not None
    assert "X-Amz-Signature" in link
    assert "X-Amz-Expires=60" in link
    async with httpx.AsyncClient() as anyone:
        given = await anyone.get(link, headers={"Range": "bytes=0-3"})
    assert (given.status_code, given.content) == (206, b"%PDF")
    assert given.headers["content-type"] == "application/pdf"
    assert given.headers["content-disposition"] == disposition


@pytest.fixture
async def gate(aws_url: str) -> AsyncIterator[SignedS3]:
    async with signed_s3(aws_url) as made:
        yield made


@pytest.fixture
async def guarded(gate: SignedS3, bucket: str) -> AsyncIterator[S3BlobStores]:
    """The bucket behind the gate that checks signatures."""
    made = AwsClient("s3", AwsPlace(region=REGION, endpoint_url=gate.url))
    yield S3BlobStores(made, bucket, "live")
    await made.close()


async def test_a_link_for_writing_takes_these_bytes_and_no_others(guarded: S3BlobStores, gate: SignedS3) -> None:
    store, text = guarded.open("acme"), "안녕".encode()
    sha256 = hashlib.sha256(text).hexdigest()
    link = await store.upload_link("uploads/문서.txt", seconds=60, size=len(text), sha256=sha256)
    unhashed = await store.upload_link("uploads/문서.txt", seconds=60, size=len(text), sha256=None)
    assert link is not None
    assert unhashed is not None
    assert unhashed.headers == {}
    async with httpx.AsyncClient() as anyone:

        async def put(url: str, content: bytes, **headers: str) -> int:
            return (await anyone.put(url, content=content, headers=headers)).status_code

        assert await put(link.url, text + b"!", **link.headers) == 403, "another length"
        assert await put(unhashed.url, text + b"!") == 403
        assert await put(link.url, b"x" * len(text), **link.headers) == 400, "another hash"
        assert await put(link.url, text) == 403, "without the hash"
        assert await put(link.url.replace("/acme/", "/other/"), text, **link.headers) == 403, "another company's key"
        assert await put(link.url.split("?", 1)[0], text) == 403, "without a signature"
        assert (await anyone.get(link.url, headers=link.headers)).status_code == 403, "it reads nothing"
        assert await store.list("") == []
        assert await put(link.url, text, **link.headers) == 200
        assert await store.get("uploads/문서.txt") == text
        assert await put(unhashed.url, text) == 200
        gate.later = timedelta(seconds=61)
        assert await put(unhashed.url, text) == 403, "too late"
    assert await store.upload_link("uploads/a", seconds=60, size=5 * 1024**3 + 1, sha256=None) is None, "more than one PUT takes"
    assert await guarded.open("other").list("") == []


async def test_a_folder_has_no_links(tmp_path: Path) -> None:
    store = LocalBlobStores(tmp_path).open("acme")
    assert await store.link(KEY, seconds=60, content_type="text/plain", disposition="inline") is None
    assert await store.upload_link(KEY, seconds=60, size=1, sha256=None) is None


@pytest.mark.parametrize(
    ("status", "name", "code", "says"),
    [
        (503, "SlowDown", Code.STORAGE_UNAVAILABLE, "SlowDown"),
        (403, "AccessDenied", Code.STORAGE_UNAVAILABLE, "docs/operations/aws.md"),
        (507, "InsufficientStorage", Code.STORAGE_FULL, "quota"),
        (409, "QuotaExceeded", Code.STORAGE_FULL, "quota"),
    ],
)
async def test_what_a_bucket_answers_is_told(eager: AwsClient, status: int, name: str, code: Code, says: str) -> None:
    class Raw:
        def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
            yield f"<Error><Code>{name}</Code><Message>secret-of-the-bucket</Message></Error>".encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, {}, Raw())

    eager.client.meta.events.register("before-send.s3", answer)
    store = S3BlobStores(eager, "some-bucket").open("acme")
    for attempt in (store.put("raw/1", b"x"), store.get("raw/1"), store.list(""), store.delete("")):
        with pytest.raises(AppError) as told:
            await attempt
        assert told.value.code is code
        assert says in told.value.message
        assert "secret-of" not in told.value.message
        assert (told.value.retry_after is not None) == (code is Code.STORAGE_UNAVAILABLE)


async def test_a_bucket_that_is_not_there_or_away_is_told(eager: AwsClient) -> None:
    with pytest.raises(AppError, match="DESKLORE_S3_BUCKET") as missing:
        await S3BlobStores(eager, "no-such-bucket-here").open("acme").put("raw/1", b"x")
    assert missing.value.code is Code.STORAGE_UNAVAILABLE
    away = AwsClient("s3", AwsPlace(region=REGION, endpoint_url="http://127.0.0.1:9", attempts=1))
    for attempt in (
        S3BlobStores(away, "some-bucket").ping(),
        S3BlobStores(away, "some-bucket").open("acme").put("raw/1", bytes(9_000_000)),
    ):
        with pytest.raises(AppError) as told:
            await attempt
        assert told.value.code is Code.STORAGE_UNAVAILABLE
        assert told.value.retry_after
    await away.close()


async def test_the_health_of_a_bucket(blobs: S3BlobStores, eager: AwsClient) -> None:
    await blobs.ping()
    with pytest.raises(AppError):
        await S3BlobStores(eager, "no-such-bucket-here").ping()

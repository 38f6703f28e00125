"""Uploads that are broken off, and a tenant that is deleted while somebody else ends an upload."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from backend.storage.aws import AwsClient
from backend.storage.blobs.parts import PART
from backend.storage.blobs.s3 import S3BlobStores
from tests.servers.aws import make_bucket


@pytest.fixture
def bucket(s3_client: AwsClient) -> str:
    return make_bucket(s3_client.client)


@contextlib.contextmanager
def before(client: AwsClient, call: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something in the thread of a call, before it is sent."""

    def acting(**_: Any) -> None:
        act()

    client.client.meta.events.register(f"before-call.s3.{call}", acting)
    yield
    client.client.meta.events.unregister(f"before-call.s3.{call}", acting)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield bytes(PART)


@pytest.mark.parametrize("call", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
async def test_an_upload_that_is_canceled_leaves_no_parts(s3_client: AwsClient, bucket: str, call: str) -> None:
    store = S3BlobStores(s3_client, bucket).open("acme")
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)

    with before(s3_client, call, wait):
        writing = asyncio.create_task(store.put_pieces("exports/1/a.zip", pieces()))
        await begun.wait()
        writing.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
    # Whatever still runs in the client's threads has ended when they have done as many calls after it.
    await asyncio.gather(*(store.size("none") for _ in range(16)))
    left = s3_client.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert (left, await store.list("") in ([], ["exports/1/a.zip"])) == ([], True)


async def test_an_upload_that_ends_while_its_tenant_is_deleted(s3_client: AwsClient, bucket: str) -> None:
    s3, where = s3_client.client, {"Bucket": bucket, "Key": "acme/exports/1/a.zip"}
    started = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=started, PartNumber=1, Body=b"x")
    ended: list[bool] = []

    def finish() -> None:
        if not ended:
            ended.append(True)
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            s3.complete_multipart_upload(**where, UploadId=started, MultipartUpload=parts)

    store = S3BlobStores(s3_client, bucket).open("acme")
    with before(s3_client, "AbortMultipartUpload", finish):
        assert await store.delete("") == 1
    assert await store.list("") == []


async def test_a_tenant_of_thousands_of_files_with_odd_names(s3_client: AwsClient, bucket: str) -> None:
    store = S3BlobStores(s3_client, bucket).open("acme")
    odd = ["a/*[x]{y}|^~`", "a/영수증 (최종).pdf"]
    odd += ["a/a&b<c>\"d'e", "a/100%+1 %2F?x=#y", "a/ ", "a/é", "a/e\u0301", "a/\u00a0\u2028\ufeff🙂"]
    for key in odd:
        await store.put(key, key.encode())
    assert await store.list("a") == sorted(odd)
    for key in odd:
        assert await store.get(key) == key.encode()
        assert await store.size(key) == len(key.encode())
    await asyncio.gather(*(store.put(f"raw/{n}", b"") for n in range(2_100)))
    await S3BlobStores(s3_client, bucket).open("acme-2").put("raw/1", b"")
    assert await store.delete("a/a&b<c>\"d'e") == 1
    assert await store.delete("") == 2_100 + len(odd) - 1
    assert await store.list("") == []
    assert await S3BlobStores(s3_client, bucket).open("acme-2").list("") == ["raw/1"]

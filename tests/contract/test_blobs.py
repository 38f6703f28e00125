"""What every BlobStore must do."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from backend.core import ids
from backend.core.errors import AppError, Code
from backend.core.ports.blobs import BlobStores
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.blobs.s3 import S3BlobStores


@pytest.fixture(params=["local", "s3", "s3-versioned"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStores:
    """A store without files; those of S3 share a client and their buckets, each test under a prefix of its own."""
    if request.param == "local":
        return LocalBlobStores(tmp_path / "files")
    bucket = request.getfixturevalue("s3_buckets")[request.param == "s3-versioned"]
    return S3BlobStores(request.getfixturevalue("s3_client"), bucket, f"desklore/{ids.new_id('test')}")


async def read(blobs: BlobStores, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.open("acme").read(key, start, end)])


async def test_a_file_comes_back_and_is_replaced(blobs: BlobStores) -> None:
    store = blobs.open("acme")
    assert await store.get("attachments/영수증 1.pdf") is None
    assert await store.size("attachments/영수증 1.pdf") is None
    await store.put("attachments/영수증 1.pdf", b"one")
    await store.put("attachments/영수증 1.pdf", b"number two")
    await store.put("empty", b"")
    assert await store.get("attachments/영수증 1.pdf") == b"number two"
    assert await store.size("attachments/영수증 1.pdf") == 10
    assert await store.get("empty") == b""
    assert await store.get("attachments") is None, "a folder is no file"
    assert await store.size("attachments") is None


async def test_a_local_file_is_copied(blobs: BlobStores, tmp_path: Path) -> None:
    original = tmp_path / "upload.bin"
    original.write_bytes(os.urandom(700_000))
    await blobs.open("acme").put_file("raw/2026/batch.zst", original)
    assert await blobs.open("acme").get("raw/2026/batch.zst") == original.read_bytes()
    assert original.exists()


@pytest.mark.parametrize("count", [0, 1, 30], ids=["empty", "small", "in parts"])
async def test_a_file_is_written_as_it_comes(blobs: BlobStores, count: int) -> None:
    store, pieces = blobs.open("acme"), [os.urandom(600_000 + number) for number in range(count)]
    await store.put("exports/one.zip", b"before")

    async def come() -> AsyncIterator[bytes]:
        for piece in pieces:
            assert await store.get("exports/one.zip") == b"before", "whoever reads sees the old one until the new one is whole"
            yield piece

    await store.put_pieces("exports/one.zip", come())
    assert await store.get("exports/one.zip") == b"".join(pieces)
    assert await blobs.open("other").list("") == []


@pytest.mark.parametrize("count", [1, 30], ids=["small", "in parts"])
async def test_what_breaks_off_while_it_comes_is_not_there(blobs: BlobStores, count: int) -> None:
    store, reached = blobs.open("acme"), asyncio.Event()

    async def fail() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield bytes(600_000)
        raise EOFError

    async def wait() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield bytes(600_000)
        reached.set()
        await asyncio.Event().wait()

    with pytest.raises(EOFError):
        await store.put_pieces("exports/one.zip", fail())
    task = asyncio.create_task(store.put_pieces("exports/one.zip", wait()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.list("") == []
    with pytest.raises(AppError):
        await store.put_pieces("../other", fail())


async def test_any_range_can_be_read(blobs: BlobStores) -> None:
    data = os.urandom(600_000)
    await blobs.open("acme").put("big", data)
    assert await read(blobs, "big") == data
    for start, end in [(0, 1), (5, 5), (100, 300_000), (599_999, None), (599_000, 700_000), (700_000, None)]:
        assert await read(blobs, "big", start, end) == data[start:end]


async def test_what_is_not_there_can_not_be_read(blobs: BlobStores) -> None:
    with pytest.raises(AppError) as missing:
        await read(blobs, "nothing")
    assert missing.value.code is Code.ATTACHMENT_NOT_FOUND
    for start, end in [(-1, None), (5, 4)]:
        with pytest.raises(AppError) as refused:
            await read(blobs, "nothing", start, end)
        assert refused.value.code is Code.INVALID_REQUEST


async def test_a_reader_who_leaves_early_leaves_nothing_open(blobs: BlobStores) -> None:
    store = blobs.open("acme")
    await store.put("big", b"x" * 1_000_000)
    pieces = store.read("big")
    assert isinstance(pieces, AsyncGenerator)
    assert await anext(pieces)
    await pieces.aclose()
    assert await store.delete("big") == 1


async def test_keys_are_listed_and_deleted_by_whole_names(blobs: BlobStores) -> None:
    store = blobs.open("acme")
    keys = ["attachments/1", "attachments/12", "attachments/2/가", "raw/freshdesk/1", "raw/freshdesk-eu/1"]
    for key in keys:
        await store.put(key, b"x")
    assert await store.list("") == sorted(keys)
    assert await store.list("raw/freshdesk") == ["raw/freshdesk/1"]
    assert await store.list("raw/freshdesk/") == ["raw/freshdesk/1"]
    assert await store.list("attachments/1") == ["attachments/1"]
    assert await store.list("none") == []
    assert await store.delete("attachments/1") == 1
    assert await store.delete("attachments/1") == 0
    assert await store.delete("attachments") == 2
    assert await store.list("") == ["raw/freshdesk-eu/1", "raw/freshdesk/1"]
    assert await store.delete("") == 2
    assert await store.list("") == []
    await store.put("again", b"x")
    assert await store.list("") == ["again"]


async def test_two_tenants_never_meet(blobs: BlobStores) -> None:
    await blobs.open("acme").put("attachments/1", b"acme")
    await blobs.open("other").put("attachments/1", b"other")
    assert await blobs.open("acme").get("attachments/1") == b"acme"
    assert await blobs.open("other").delete("") == 1
    assert await blobs.open("acme").list("") == ["attachments/1"]


BAD_KEYS = [
    "",
    "/etc/passwd",
    "..",
    "../other/attachments/1",
    "a/../../other",
    "a//b",
    "a/",
    "a/./b",
    "a\0b",
    "a\nb",
    "a\\b",
    "가" * 67,
    "\udc80",
]


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_a_key_can_not_leave_its_tenant(blobs: BlobStores, key: str, tmp_path: Path) -> None:
    store = blobs.open("acme")
    await blobs.open("other").put("attachments/1", b"other")
    for attempt in (store.put(key, b"x"), store.get(key), store.size(key), store.put_file(key, tmp_path / "none")):
        with pytest.raises(AppError) as refused:
            await attempt
        assert refused.value.code is Code.INVALID_REQUEST
    if key not in ("", "a/"):
        for again in (store.list(key), store.delete(key)):
            with pytest.raises(AppError):
                await again
    assert await blobs.open("other").get("attachments/1") == b"other"


@pytest.mark.parametrize("company_id", ["", "..", ".half-written", "a/b", "/"])
def test_a_company_can_not_leave_its_folder(blobs: BlobStores, company_id: str) -> None:
    with pytest.raises(AppError):
        blobs.open(company_id)


async def test_writers_and_deleters_at_once_never_show_half_a_file(blobs: BlobStores) -> None:
    store = blobs.open("acme")
    versions = [bytes([n]) * 200_000 for n in range(8)]

    async def look() -> None:
        for _ in range(20):
            assert (await store.get("busy/file")) in (None, *versions)
            await store.delete("busy")

    await asyncio.gather(look(), *(store.put("busy/file", version) for version in versions * 3))

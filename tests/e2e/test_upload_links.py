"""Uploads in three steps, straight to a bucket that checks its links and through the API alike (SPEC E4)."""

import base64
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from backend.core import clock
from backend.core.model.upload import ANNOUNCED, PendingUpload, incoming_of
from backend.core.usecases.uploads import ABANDONED, LINK, forget_abandoned_uploads
from tests.e2e.test_uploads import GUIDE, TICKETS, connected, packed
from tests.e2e.trip import Json, Tenant, Trip, running_trip
from tests.servers.aws import REGION, make_bucket
from tests.servers.signed_s3 import signed_s3

MOST = 100_000_000


def _in_bucket(url: str, bucket: str) -> dict[str, Any]:
    """Settings: files in a bucket that clients may reach."""
    settings = {"blob_type": "s3", "s3_bucket": bucket, "s3_prefix": "live", "s3_endpoint_url": url, "aws_region": REGION}
    return settings | {"blob_redirect_seconds": 60, "file_upload_max_bytes": MOST}


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    return make_bucket(request.getfixturevalue("s3_client").client, versioned=True)


@pytest.fixture(params=["bucket", "folder"])
async def trip(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Trip]:
    """A Desklore over either store."""
    async with AsyncExitStack() as opened:
        settings: dict[str, Any] = {"file_upload_max_bytes": MOST}
        if request.param == "bucket":
            gate = await opened.enter_async_context(signed_s3(request.getfixturevalue("aws_url")))
            settings = _in_bucket(gate.url, request.getfixturevalue("bucket"))
        yield await opened.enter_async_context(running_trip(tmp_path / "data", **settings))


async def begin(tenant: Tenant, name: str, data: bytes, **more: Any) -> Json:
    """Announce a file."""
    return await tenant.post(_uploads(tenant), {"filename": name, "size": len(data), **more})


async def put(tenant: Tenant, begun: Json, data: bytes) -> httpx.Response:
    """Send the bytes to wherever they were told to go."""
    if not begun["direct"]:
        return await tenant.client.put(begun["upload_url"], content=data)
    async with httpx.AsyncClient() as anyone:
        return await anyone.put(begun["upload_url"], content=data, headers=begun["headers"])


async def commit(tenant: Tenant, upload_id: str) -> httpx.Response:
    """Commit."""
    return await tenant.client.post(f"/api/v1{_uploads(tenant)}/{upload_id}/commit")


async def uploaded(tenant: Tenant, name: str, data: bytes, **more: Any) -> httpx.Response:
    """All three steps."""
    begun = await begin(tenant, name, data, **more)
    assert (await put(tenant, begun, data)).is_success
    return await commit(tenant, begun["upload_id"])


async def pending(trip: Trip, company_id: str) -> list[str]:
    """What lies there uncommitted."""
    return await trip.runtime.services.blobs.open(company_id).list("incoming")


async def aged(trip: Trip, tenant: Tenant, begun: Json, by: timedelta) -> None:
    """Make an upload look as if it was begun so long ago."""
    blobs = trip.runtime.services.blobs.open(tenant.company_id)
    key = f"{incoming_of(tenant.connection_id)}/{begun['upload_id']}/{ANNOUNCED}"
    upload = msgspec.json.decode(await blobs.get(key) or b"", type=PendingUpload)
    await blobs.put(key, msgspec.json.encode(msgspec.structs.replace(upload, expires_at=clock.now() + LINK - by)))


def _uploads(tenant: Tenant) -> str:
    return f"/connections/{tenant.connection_id}/uploads"


def told(refused: httpx.Response) -> tuple[int, str]:
    return refused.status_code, refused.json()["error"]["code"]


async def test_a_file_and_a_zip_are_read_like_any_other_upload(trip: Trip) -> None:
    acme, bravo = await connected(await trip.onboard("acme")), await connected(await trip.onboard("bravo"))
    kept = await uploaded(acme, "문의.csv", TICKETS, sha256=hashlib.sha256(TICKETS).hexdigest())
    assert kept.status_code == 201, kept.text
    assert [(each["path"], each["size"]) for each in kept.json()["items"]] == [("문의.csv", len(TICKETS))]
    zipped = await uploaded(acme, "old.zip", packed({"docs/guide.md": GUIDE, ".DS_Store": b"x"}))
    assert [each["path"] for each in zipped.json()["items"]] == ["docs/guide.md"]
    assert await pending(trip, "acme") == []
    assert (await acme.sync())["counts"]["stored"] == 2
    listed = [each["path"] for each in (await acme.get(f"/connections/{acme.connection_id}/files"))["items"]]
    assert listed == ["upload:docs/guide.md", "upload:문의.csv"]
    assert (await bravo.get(f"/connections/{bravo.connection_id}/files"))["items"] == []
    actions = [each["action"] for each in (await acme.get("/audit"))["items"] if each["action"].startswith("file.")]
    assert sorted(actions) == ["file.upload", "file.upload", "file.upload.begin", "file.upload.begin"]


async def test_what_is_refused_of_a_form_is_refused_here_and_leaves_no_bytes(trip: Trip) -> None:
    acme = await connected(await trip.onboard("acme"))
    for name, data, code, says in (
        ("bomb.zip", packed({"zeros.csv": bytes(60_000_000)}), "export_too_large", "60,000,000 bytes"),
        ("inner.zip", packed({"more.zip": packed({"a.csv": b"1"})}), "invalid_request", "another archive"),
        ("up.zip", packed({"../up.csv": b"1"}), "export_unreadable", "leads out of it"),
        ("none.zip", packed({"run.exe": b"1"}), "invalid_request", "no file that"),
    ):
        refused = await uploaded(acme, name, data)
        assert refused.json()["error"]["code"] == code, refused.text
        assert says in refused.json()["error"]["message"]
    assert {key.rpartition("/")[2] for key in await pending(trip, "acme")} == {ANNOUNCED}
    assert (await acme.get(f"/connections/{acme.connection_id}/files"))["items"] == []
    for body, refusal in (
        ({"filename": "run.exe", "size": 1}, (422, "invalid_request")),
        ({"filename": "a.csv", "size": 0}, (422, "attachment_empty")),
        ({"filename": "a.csv", "size": MOST + 1}, (413, "attachment_too_large")),
        ({"filename": "a.csv", "size": 1, "sha256": "ABC"}, (422, "invalid_request")),
        ({"filename": "..", "size": 1}, (422, "invalid_request")),
    ):
        assert told(await acme.client.post(f"/api/v1{_uploads(acme)}", json=body)) == refusal, body


async def test_too_many_bytes_are_not_taken(trip: Trip) -> None:
    acme = await connected(await trip.onboard("acme"))
    begun = await begin(acme, "tickets.csv", TICKETS)
    refused = await put(acme, begun, TICKETS + b"\n")
    assert refused.status_code in (403, 413), "by the bucket, or by us"
    assert told(await commit(acme, begun["upload_id"])) == (422, "invalid_request")
    # A store that holds no one to a length: it shows before a byte of it is read.
    blobs = trip.runtime.services.blobs.open("acme")
    content = f"{incoming_of(acme.connection_id)}/{begun['upload_id']}/content"
    await blobs.put(content, TICKETS + b"\n")
    assert told(await commit(acme, begun["upload_id"])) == (413, "attachment_too_large")
    assert await blobs.size(content) is None
    await blobs.put(content, TICKETS[:-1])
    assert told(await commit(acme, begun["upload_id"])) == (422, "invalid_request")
    assert (await put(acme, begun, TICKETS)).is_success, "there is time to send it again"
    assert (await commit(acme, begun["upload_id"])).status_code == 201
    assert told(await commit(acme, begun["upload_id"])) == (404, "upload_not_found")


async def test_other_bytes_than_announced_are_not_taken(trip: Trip) -> None:
    acme = await connected(await trip.onboard("acme"))
    begun = await begin(acme, "tickets.csv", TICKETS, sha256=hashlib.sha256(TICKETS).hexdigest())
    wrong = TICKETS.replace(b"7;", b"8;")
    if begun["direct"]:
        assert base64.b64decode(begun["headers"]["x-amz-checksum-sha256"]) == hashlib.sha256(TICKETS).digest()
        assert (await put(acme, begun, wrong)).status_code == 400
    # Through the API, or by a store that checks no hash.
    begun = await begin(acme, "tickets.csv", TICKETS, sha256=hashlib.sha256(TICKETS).hexdigest(), direct=False)
    assert not begun["direct"]
    assert (await put(acme, begun, wrong)).status_code == 204
    refused = await commit(acme, begun["upload_id"])
    assert told(refused) == (422, "invalid_request")
    assert "SHA-256" in refused.json()["error"]["message"]


async def test_an_upload_is_of_one_company_and_connection(trip: Trip) -> None:
    acme, bravo = await connected(await trip.onboard("acme")), await connected(await trip.onboard("bravo"))
    begun = await begin(acme, "tickets.csv", TICKETS, direct=False)
    assert (await put(acme, begun, TICKETS)).status_code == 204
    for path in (_uploads(acme), _uploads(bravo)):
        where = f"/api/v1{path}/{begun['upload_id']}"
        assert (await bravo.client.post(f"{where}/commit")).status_code == 404
        assert (await bravo.client.put(f"{where}/content", content=TICKETS)).status_code == 404
    assert (await trip.anonymous.put(begun["upload_url"], content=TICKETS)).status_code == 401
    for odd in ("..", "upload_%2e%2e", "x"):
        assert (await commit(acme, odd)).status_code in (404, 405, 422)
    assert await pending(trip, "bravo") == []
    assert (await commit(acme, begun["upload_id"])).status_code == 201


async def test_what_nobody_commits_goes_and_nothing_else(trip: Trip) -> None:
    services = trip.runtime.services
    acme, bravo = await connected(await trip.onboard("acme")), await connected(await trip.onboard("bravo"))
    late, lost, young = [await begin(acme, f"{name}.csv", TICKETS, direct=False) for name in ("late", "lost", "young")]
    other = await begin(bravo, "other.csv", TICKETS, direct=False)
    for begun in (late, lost, young):
        assert (await put(acme, begun, TICKETS)).status_code == 204
    await aged(trip, acme, late, LINK)
    assert told(await put(acme, late, TICKETS)) == (404, "upload_not_found"), "its time is over"
    await aged(trip, acme, lost, LINK + ABANDONED)
    assert told(await commit(acme, lost["upload_id"])) == (404, "upload_not_found")
    await services.blobs.open("acme").put(f"incoming/{acme.connection_id}/upload_gone/content", b"by a link, after all was over")
    assert await forget_abandoned_uploads(services) == 2
    assert {key.split("/")[2] for key in await pending(trip, "acme")} == {late["upload_id"], young["upload_id"]}
    assert {key.split("/")[2] for key in await pending(trip, "bravo")} == {other["upload_id"]}
    assert (await commit(acme, late["upload_id"])).status_code == 201, "what came in time may be committed later"
    await acme.client.delete(f"/api/v1/connections/{acme.connection_id}")
    assert await pending(trip, "acme") == []
    assert await forget_abandoned_uploads(services) == 0


async def test_bytes_for_the_bucket_do_not_pass_the_api(tmp_path: Path, bucket: str, aws_url: str) -> None:
    async with signed_s3(aws_url) as gate, running_trip(tmp_path / "data", **_in_bucket(gate.url, bucket)) as trip:
        acme, bravo = await connected(await trip.onboard("acme")), await connected(await trip.onboard("bravo"))
        begun = await begin(acme, "tickets.csv", TICKETS)
        assert begun["direct"]
        assert begun["upload_url"].startswith(gate.url)
        async with httpx.AsyncClient() as anyone:
            stolen = begun["upload_url"].replace("/live/acme/", "/live/bravo/")
            assert (await anyone.put(stolen, content=TICKETS)).status_code == 403
            moved = begun["upload_url"].replace("/incoming/", "/attachments/")
            assert (await anyone.put(moved, content=TICKETS)).status_code == 403
            gate.later = LINK + timedelta(seconds=1)
            assert (await anyone.put(begun["upload_url"], content=TICKETS)).status_code == 403, "its time is over"
        assert await trip.runtime.services.blobs.open("bravo").list("") == []
        assert bravo.connection_id != acme.connection_id
    async with running_trip(tmp_path / "data", **_in_bucket(aws_url, bucket) | {"blob_redirect_seconds": 0}) as trip:
        again = trip.tenant("acme", acme.api_key)
        again.connection_id = acme.connection_id
        assert not (await begin(again, "tickets.csv", TICKETS))["direct"], "clients may not reach the bucket"


async def test_a_large_file_is_never_whole_in_memory(tmp_path: Path, bucket: str, aws_url: str) -> None:
    large, size = tmp_path / "large.csv", 48_000_000
    with large.open("wb") as file:
        file.truncate(size)
    async with running_trip(tmp_path / "data", **_in_bucket(aws_url, bucket)) as trip:
        acme = await connected(await trip.onboard("acme"))
        begun = await acme.post(_uploads(acme), {"filename": "large.csv", "size": size})
        tracemalloc.start()
        try:
            await trip.runtime.services.blobs.open("acme").put_file(
                f"{incoming_of(acme.connection_id)}/{begun['upload_id']}/content", large
            )
            kept = await commit(acme, begun["upload_id"])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept.json()["items"][0]["size"] == size
        assert peak < size / 2

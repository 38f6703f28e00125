"""A company's own export on a running Desklore: the same in one folder and in production, and written through a kill."""

import asyncio
import io
import json
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_kill import OPERATOR_KEY, _call, _free_port, _server
from tests.e2e.test_people import busiest
from tests.e2e.test_postgres import on
from tests.e2e.trip import Json, Tenant, running_trip
from tests.servers.aws import REGION, make_bucket


async def exported(tenant: Tenant) -> tuple[Json, dict[str, bytes]]:
    """Everything of the company, by itself: how the export ended, and the files in it."""
    export = await tenant.post("/exports", {})
    async with asyncio.timeout(60):
        while (export := await tenant.get(f"/exports/{export['export_id']}"))["state"] in ("queued", "running"):
            await asyncio.sleep(0.05)
    assert export["state"] == "done", export
    given = await tenant.client.get(f"/api/v1/exports/{export['export_id']}/download")
    assert (given.status_code, len(given.content)) == (200, export["size"])
    with zipfile.ZipFile(io.BytesIO(given.content)) as archive:
        return export, {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(params=["folder", "production"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One folder; or PostgreSQL under row-level security, S3 and Redis."""
    if request.param == "folder":
        return {}
    s3 = request.getfixturevalue("s3_client").client
    return {
        **on(request.getfixturevalue("postgres")),
        "blob_type": "s3",
        "s3_bucket": make_bucket(s3),
        "s3_endpoint_url": s3.meta.endpoint_url,
        "aws_region": REGION,
        "queue_type": "redis",
        "redis_url": request.getfixturevalue("redis_url"),
    }


async def test_two_companies_export_each_its_own(tmp_path: Path, settings: dict[str, Any]) -> None:
    async with running_sandbox(SandboxOptions(tickets=12)) as sandbox, running_trip(tmp_path / "data", **settings) as trip:
        tenants = [await trip.onboard(company) for company in ("acme", "bravo")]
        for tenant in tenants:
            await tenant.connect(sandbox)
            assert (await tenant.sync())["state"] == "completed"
            await trip.settle(tenant.company_id)
        for tenant, (export, files) in zip(tenants, await asyncio.gather(*map(exported, tenants)), strict=True):
            lines = [json.loads(line) for name, data in files.items() if name.endswith(".jsonl") for line in data.splitlines()]
            assert {line["company_id"] for line in lines} == {tenant.company_id}
            assert len(lines) == sum(export["rows"].values()) > 12
            assert sandbox.api_key.encode() not in b"".join(files.values())
            assert tenant.api_key.encode() not in b"".join(files.values())
            documents = [json.loads(line) for line in files["documents.jsonl"].splitlines()]
            assert len(documents) == export["rows"]["documents"]
            assert any(document["summaries"] and document["content"]["parts"] for document in documents)
            async with trip.runtime.services.database.open(tenant.company_id) as uow:
                kept = [each for each in await uow.attachments.of([each["document_id"] for each in documents]) if each.blob_key]
            assert kept
            assert all(len(files[f"files/{each.blob_key}"]) == each.size for each in kept)
        [acme, bravo] = tenants
        person = busiest(sandbox)
        erasure = await acme.post("/people/erase", {"email": person.email})
        async with asyncio.timeout(60):
            while (await acme.get(f"/people/erasures/{erasure['erasure_id']}"))["state"] != "done":
                await asyncio.sleep(0.05)
        assert (await acme.get("/exports"))["items"] == []
        assert await trip.runtime.services.blobs.open("acme").list("exports") == []
        assert [each["state"] for each in (await bravo.get("/exports"))["items"]] == ["done"]
        begun = await asyncio.gather(*(bravo.client.post("/api/v1/exports", json={}) for _ in range(6)))
        assert sorted(each.status_code for each in begun) == [202, *[409] * 5], "one at a time, whatever is asked in the same moment"
        _, files = await exported(acme)
        assert person.email.lower() not in files["documents.jsonl"].decode().lower()


async def test_a_server_that_is_killed_writes_it_when_it_is_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_trip(data, operator_key=OPERATOR_KEY, jobs=False) as trip:
        acme = await trip.onboard("acme")
        export = await acme.post("/exports", {})
        blobs = trip.runtime.services.blobs.open("acme")
        for number in range(400):
            await blobs.put(f"raw/freshdesk/conn/{number:04}.jsonl", bytes(range(256)) * 800)
    port = _free_port()
    async with _server(data, port) as process:
        async with asyncio.timeout(60):
            while (now := await _call(port, acme.api_key, "GET", f"/exports/{export['export_id']}"))["state"] == "queued":
                await asyncio.sleep(0.02)
        assert now["state"] == "running", "80 MB take longer than a look at how it goes"
        process.send_signal(signal.SIGKILL)
        process.wait()
    async with _server(data, port), asyncio.timeout(60):
        while (now := await _call(port, acme.api_key, "GET", f"/exports/{export['export_id']}"))["state"] != "done":
            await asyncio.sleep(0.05)
    assert (now["files"], now["rows"]["tenants"]) == (400, 1)
    zips = sorted((data / "blobs" / "acme" / "exports").rglob("*.zip"))
    assert [(path.name, path.stat().st_size) for path in zips] == [("2.zip", now["size"])]
    with zipfile.ZipFile(zips[0]) as archive:
        assert archive.testzip() is None

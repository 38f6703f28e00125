"""The same trip with files in S3, data keys wrapped by KMS, and credentials in Secrets Manager."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox
from tests.e2e.trip import running_trip
from tests.servers.aws import REGION, make_bucket


def _keys(s3: Any, bucket: str, prefix: str = "") -> list[str]:
    """Every version of every object, seen from outside."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())]


def _secrets(client: Any, prefix: str) -> list[str]:
    return sorted(each["Name"] for each in client.list_secrets(MaxResults=100)["SecretList"] if each["Name"].startswith(prefix))


@pytest.fixture
def aws(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A client of each service."""
    services = ("s3", "kms", "secrets")
    return {service: request.getfixturevalue(f"{service}_client").client for service in services}


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    async with running_sandbox(SandboxOptions(tickets=20)) as server:
        yield server


async def test_the_trip_in_aws(tmp_path: Path, sandbox: SandboxServer, aws: dict[str, Any]) -> None:
    s3, bucket, url = aws["s3"], make_bucket(aws["s3"], versioned=True), aws["s3"].meta.endpoint_url
    prefix = f"/{bucket}"
    settings = {
        "blob_type": "s3",
        "s3_bucket": bucket,
        "s3_prefix": "live",
        "s3_endpoint_url": url,
        "aws_region": REGION,
        "aws_endpoint_url": url,
        "master_key_source": "kms",
        "kms_key_id": aws["kms"].create_key()["KeyMetadata"]["Arn"],
        "secret_type": "aws",
        "secret_prefix": prefix,
    }
    async with running_trip(tmp_path / "data", **settings) as trip:
        acme, bravo = await trip.onboard("acme"), await trip.onboard("bravo")
        for tenant in (acme, bravo):
            await tenant.connect(sandbox)
            await trip.runtime.services.blobs.open(tenant.company_id).put("raw/같은-이름", tenant.company_id.encode())
        run = await acme.sync()
        assert run["state"] == "completed", run
        await trip.settle("acme")
        assert _secrets(aws["secrets"], prefix) == [f"{prefix}/acme/freshdesk", f"{prefix}/bravo/freshdesk"]
        found = await acme.ask("비밀번호 재설정 메일이 오지 않아요")
        assert found["answer"]["grounded"]
        kinds = Counter(key.split("/")[2] for key in _keys(s3, bucket, "live/acme/"))
        assert 0 < kinds["raw"] <= run["counts"]["documents"] / 5, "payloads are kept by the page"
        async with trip.runtime.services.database.open("acme") as uow:
            documents, _ = await uow.documents.list(limit=500)
            file = next(each for each in await uow.attachments.of([doc.document_id for doc in documents]) if each.blob_key)
        given = await acme.client.get(f"/api/v1/attachments/{file.attachment_id}", headers={"Range": "bytes=0-3"})
        assert given.status_code == 206
        whole = await acme.client.get(f"/api/v1/attachments/{file.attachment_id}")
        assert (len(whole.content), whole.content[:4]) == (file.size, given.content)
        key, connection = acme.api_key, acme.connection_id
    async with running_trip(tmp_path / "data", **settings) as trip:
        acme = trip.tenant("acme", key)
        acme.connection_id = connection
        again = await acme.sync()
        assert (again["state"], again["counts"]["stored"]) == ("completed", 0)
        operator = {"Authorization": f"Bearer {trip.runtime.built.auth.operator_key.reveal()}"}
        kept = _keys(s3, bucket, "live/bravo/")
        erased = await trip.anonymous.delete("/api/v1/tenants/acme", headers=operator)
        assert erased.status_code == 200, erased.text
        assert _keys(s3, bucket, "live/acme/") == [], "no version and no marker is left"
        assert _keys(s3, bucket, "live/bravo/") == kept
        assert _secrets(aws["secrets"], prefix) == [f"{prefix}/bravo/freshdesk"]
    assert not (tmp_path / "data" / "blobs").exists()

"""Everything production has at once, PostgreSQL, Redis, a Qdrant server, S3, KMS and Secrets Manager: the same answers as one folder."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.serve import SandboxOptions, running_sandbox
from tests.e2e.test_postgres import different, on, travel
from tests.servers.aws import REGION, make_bucket
from tests.support.postgres import PostgresDatabase
from tests.support.qdrant import doubled
from tests.support.qdrant_server import KEY


@pytest.fixture
def in_aws(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings for files, keys and credentials."""
    s3, kms = request.getfixturevalue("s3_client").client, request.getfixturevalue("kms_client").client
    bucket, url = make_bucket(s3), s3.meta.endpoint_url
    return {
        "blob_type": "s3",
        "s3_bucket": bucket,
        "s3_endpoint_url": url,
        "aws_region": REGION,
        "aws_endpoint_url": url,
        "master_key_source": "kms",
        "kms_key_id": kms.create_key()["KeyMetadata"]["Arn"],
        "secret_type": "aws",
        "secret_prefix": f"/{bucket}",
    }


async def test_both_modes_tell_the_same(
    tmp_path: Path, postgres: PostgresDatabase, in_aws: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    redis = {"queue_type": "redis", "redis_url": request.getfixturevalue("redis_url")}
    async with running_sandbox(SandboxOptions(tickets=25)) as sandbox, doubled() as (url, _):
        embedded = await travel(tmp_path / "file", sandbox)
        server = {"vector_type": "server", "qdrant_url": url, "qdrant_api_key": KEY}
        production = await travel(tmp_path / "production", sandbox, **on(postgres), **redis, **server, **in_aws)
    assert different(embedded, production) == []
    assert embedded["answers"][1]["answer"]["grounded"]
    left = {path.name for path in (tmp_path / "production").iterdir()}
    assert not left & {"desklore.db", "blobs", "index"}, "nothing of a company lies on the machine"

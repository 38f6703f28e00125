"""AWS for tests: one moto server for all processes of a test run, started by the first that asks and gone with the run.

moto is a double: it checks neither signatures nor policies. What it answers has the form that AWS documents.
"""

import asyncio
import fcntl
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from backend.storage.aws import AwsClient, AwsPlace

REGION: Final = "ap-northeast-2"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}
_SERVE: Final = Path(__file__).with_name("aws_process.py")


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where S3, KMS and Secrets Manager are. The environment has made-up credentials and nothing of the machine's own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    folder = tmp_path_factory.getbasetemp().parent if worker else tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
            environment.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            environment.setenv(name, "/dev/null")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        # The process that started the workers, or this one where there are none, is the run.
        yield _started_once(folder, os.getppid() if worker else os.getpid())


@pytest.fixture(scope="session")
def s3_client(aws_url: str) -> Iterator[AwsClient]:
    """One client for all tests: making one takes a third of a second."""
    yield from _client("s3", aws_url)


@pytest.fixture(scope="session")
def kms_client(aws_url: str) -> Iterator[AwsClient]:
    """Likewise, for keys."""
    yield from _client("kms", aws_url)


@pytest.fixture(scope="session")
def secrets_client(aws_url: str) -> Iterator[AwsClient]:
    """Likewise, for secrets."""
    yield from _client("secretsmanager", aws_url)


@pytest.fixture(scope="session")
def s3_buckets(s3_client: AwsClient) -> tuple[str, str]:
    """Two buckets of this process: one that keeps the newest version only, and one that keeps all."""
    return make_bucket(s3_client.client), make_bucket(s3_client.client, versioned=True)


def _client(service: str, url: str) -> Iterator[AwsClient]:
    made = AwsClient(service, AwsPlace(region=REGION, endpoint_url=url, concurrency=8))
    yield made
    asyncio.run(made.close())


def make_bucket(s3: Any, *, versioned: bool = False) -> str:
    """A new bucket, which lasts until the server goes."""
    name = f"desklore-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def _started_once(folder: Path, run: int) -> str:
    """The server's URL; whoever is first starts it while the others wait."""
    told = folder / "aws-url"
    with (folder / "aws-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            subprocess.run([sys.executable, str(_SERVE), str(told), str(run)], check=True, cwd=Path(__file__).parents[2])
            for _ in range(600):
                if told.exists():
                    break
                time.sleep(0.05)
            else:
                raise RuntimeError(f"the AWS double did not start; see {told}.log")
    return told.read_text(encoding="utf-8")

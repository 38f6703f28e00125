"""What holds for every test: the servers it may ask for, and the same examples in every run, so that a change is judged by what it changed.

New examples are looked for with `HYPOTHESIS_PROFILE=explore make test ARGS="-k html"`; what they find becomes a test of its own.
"""

import os
import signal

from hypothesis import settings

from tests.servers.aws import aws_url, kms_client, s3_buckets, s3_client, secrets_client
from tests.servers.redis import redis_server_url, redis_url
from tests.support.postgres import postgres, postgres_server

__all__ = [
    "aws_url",
    "kms_client",
    "postgres",
    "postgres_server",
    "redis_server_url",
    "redis_url",
    "s3_buckets",
    "s3_client",
    "secrets_client",
]

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so, and the programs that tests interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

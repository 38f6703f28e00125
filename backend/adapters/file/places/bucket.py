"""A prefix of an S3 bucket, read with a key pair of its own (https://docs.aws.amazon.com/AmazonS3/latest/API/)."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, TypeVar

from backend.adapters.file.places.place import MOST_FILES, Found, changed, copied, gone, is_hidden, too_many
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret

_PIECE: Final = 1 << 20
_CONNECT_SECONDS: Final = 1.5
_READ_SECONDS: Final = 30.0
_REJECTED: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "401", "AuthFailure"}
)
_FORBIDDEN: Final = frozenset({"AccessDenied", "403", "Forbidden", "AllAccessDisabled"})
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed", "301"})
_NO_FILE: Final = frozenset({"NoSuchKey", "404"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_SLOW: Final = frozenset({"SlowDown", "RequestLimitExceeded", "TooManyRequests", "503"})

T = TypeVar("T")


class BucketPlace:
    """One prefix. The client is made at the first question and its blocking calls run in threads."""

    def __init__(self, bucket: str, prefix: str, credentials: Mapping[str, Secret], *, endpoint: str | None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._credentials = credentials
        self._endpoint = endpoint
        self._client: Any = None
        self.name = f"s3://{bucket}/{self._prefix}".rstrip("/")

    async def list(self) -> Sequence[Found]:
        """All objects below the prefix, by path."""
        return await asyncio.to_thread(self._asked, self._list)

    async def open(self, found: Found) -> BinaryIO:
        """A copy on this machine that goes when it is closed."""
        return await asyncio.to_thread(self._asked, lambda client: self._copied(client, found))

    async def close(self) -> None:
        """Let go of sockets."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    def _asked(self, call: Callable[[Any], T]) -> T:
        with self._told():
            if self._client is None:
                self._client = _client_of(self._credentials, self._endpoint)
            return call(self._client)

    def _list(self, client: Any) -> Sequence[Found]:
        found: list[Found] = []
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
            for each in page.get("Contents", ()):
                path = each["Key"].removeprefix(self._prefix)
                # A key that ends with a slash is what consoles show as a folder.
                if path and not path.endswith("/") and not is_hidden(path):
                    stamp = f"{each['Size']}-{each['ETag'].strip(chr(34))}-{each['LastModified'].timestamp():.0f}"
                    found.append(Found(path=path, size=each["Size"], stamp=stamp, modified=each["LastModified"]))
            if len(found) > MOST_FILES:
                raise too_many(self.name)
        return sorted(found, key=lambda each: each.path)

    def _copied(self, client: Any, found: Found) -> BinaryIO:
        etag = found.stamp.split("-", 1)[1].rpartition("-")[0]
        try:
            answer = client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{found.path}", IfMatch=f'"{etag}"')
        except client.exceptions.ClientError as error:
            code = _code_of(error)
            if code in _NO_FILE:
                raise gone(found.path) from None
            if code in _CHANGED:
                raise changed(found.path) from None
            raise
        with answer["Body"] as body:
            return copied(iter(lambda: body.read(_PIECE), b""))

    @contextmanager
    def _told(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only those who read from S3 load it

        try:
            yield
        except ClientError as error:
            raise self._of_answer(_code_of(error)) from None
        except (BotoCoreError, ValueError) as error:
            name = type(error).__name__
            raise AppError(Code.SOURCE_UNAVAILABLE, f"The S3 server of {self.name} can't be reached ({name}); try again later.") from None

    def _of_answer(self, code: str) -> AppError:
        if code in _REJECTED:
            return AppError(Code.SOURCE_CREDENTIALS_REJECTED, f"The S3 server rejects the key pair ({code}); make a new one and enter it.")
        if code in _FORBIDDEN:
            return AppError(
                Code.SOURCE_CREDENTIALS_REJECTED,
                f"This key pair may not read {self.name} ({code}); it needs s3:ListBucket on the bucket and s3:GetObject on its objects.",
            )
        if code in _NO_BUCKET:
            return AppError(
                Code.SOURCE_HOST_UNKNOWN, f"There is no bucket {self._bucket} there ({code}); check its name, and give its region."
            )
        if code in _SLOW:
            return AppError(Code.SOURCE_RATE_LIMITED, "The S3 server asks for fewer calls; it goes on by itself.", retry_after=10.0)
        return AppError(Code.SOURCE_UNAVAILABLE, f"The S3 server can't do this now ({code}); it is tried again.")


def _client_of(credentials: Mapping[str, Secret], endpoint: str | None) -> Any:
    import boto3  # noqa: PLC0415 - takes a third of a second and 30 MB, which only those pay who read from S3
    from botocore.config import Config  # noqa: PLC0415 - takes time and memory that only those pay who read from S3

    session = boto3.session.Session(
        aws_access_key_id=credentials["access_key_id"].reveal().strip(),
        aws_secret_access_key=credentials["secret_access_key"].reveal().strip(),
        region_name=credentials["region"].reveal().strip() if "region" in credentials else "us-east-1",
    )
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        signature_version="s3v4",
        s3={"addressing_style": "path"} if endpoint else None,
    )
    return session.client("s3", endpoint_url=endpoint, config=config)


def _code_of(error: Exception) -> str:
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))

"""Talking to AWS: clients by the usual ways of AWS, a bounded number of calls at once, and failures in our words."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from backend.core.errors import AppError, Code

Result = TypeVar("Result")

_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 20.0
_ATTEMPTS: Final = 4
"""With boto's standard mode: within some ten seconds, as SPEC wants of anything a person waits for."""
RETRY_AFTER_SECONDS: Final = 5.0

_FULL: Final = frozenset({"507", "InsufficientStorage", "QuotaExceeded", "QuotaExceededException", "XMinioStorageFull"})
_NOT_ALLOWED: Final = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SETUP: Final = frozenset({"NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPlace:
    """Where the services are. Credentials come from the environment, a profile, or the machine's role, as boto3 finds them."""

    region: str | None = None
    """None: as AWS_REGION or the profile says."""
    endpoint_url: str | None = None
    """Another server that speaks the same protocol; None: AWS."""
    concurrency: int = 16
    """Calls at once."""
    attempts: int = _ATTEMPTS
    """How often a call is tried that may work later."""


class AwsClient:
    """A boto3 client whose blocking calls run in a few threads of its own; `service` is `s3`, `kms` or `secretsmanager`.

    One client serves all threads: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html
    """

    def __init__(self, service: str, place: AwsPlace) -> None:
        import boto3  # noqa: PLC0415 - takes a third of a second and 30 MB, which only those pay who use AWS
        from botocore.config import Config  # noqa: PLC0415 - likewise

        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": place.attempts},
            max_pool_connections=place.concurrency,
            # Without it links to keys that are not ASCII are signed in a way servers refuse.
            signature_version="s3v4" if service == "s3" else None,
            # Names of buckets with dots have no certificate as host names, and most other servers know paths only.
            s3={"addressing_style": "path"} if place.endpoint_url else None,
        )
        with told(service):
            session = boto3.session.Session(region_name=place.region)
            self.client: Any = session.client(service, endpoint_url=place.endpoint_url, config=config)
        self.service = service
        self._threads = ThreadPoolExecutor(place.concurrency, thread_name_prefix=service)

    async def run(self, call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """Run something that calls the client in a thread; raises AppError for what AWS can answer."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, functools.partial(self.now, call, *arguments, **named))

    def now(self, call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """The same in this thread."""
        with told(self.service):
            return call(*arguments, **named)

    async def close(self) -> None:
        """Wait for the calls under way and let go of the connections."""
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        self.client.close()


def code_of(error: Exception) -> str:
    """What a ClientError of botocore calls itself, such as `NoSuchKey` or `404`."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def told(service: str) -> Iterator[None]:
    """Raise AppError for what AWS, or the way there, can answer; what the caller knows better it catches before."""
    from boto3.exceptions import Boto3Error  # noqa: PLC0415 - as above
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    try:
        yield
    except ClientError as error:
        raise _of_answer(service, error) from error
    except (BotoCoreError, Boto3Error) as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _of_answer(service, cause) from error
        raise _of_way(service, error) from error


def _of_answer(service: str, error: Exception) -> AppError:
    """What the server said, without what it says of keys and accounts."""
    code = code_of(error)
    if code in _FULL:
        return AppError(Code.STORAGE_FULL, f"{_NAMES[service]} takes no more: its quota is used up. The work goes on by itself.")
    if code in _NOT_ALLOWED:
        message = f"{_NAMES[service]} refuses this server's credentials or rights ({code}). See docs/operations/aws.md for the policy."
        return AppError(Code.STORAGE_UNAVAILABLE, message, retry_after=60.0)
    if code in _SETUP:
        message = f"{_NAMES[service]} does not know the bucket there ({code}). Check DESKLORE_S3_BUCKET and the region."
        return AppError(Code.STORAGE_UNAVAILABLE, message, retry_after=60.0)
    return AppError(
        Code.STORAGE_UNAVAILABLE, f"{_NAMES[service]} can't do this now ({code}). Try again soon.", retry_after=RETRY_AFTER_SECONDS
    )


def _of_way(service: str, error: Exception) -> AppError:
    """What boto3 found before or instead of an answer."""
    name = type(error).__name__
    if name in ("NoCredentialsError", "PartialCredentialsError", "NoRegionError", "ProfileNotFound", "CredentialRetrievalError"):
        message = f"AWS credentials or the region can't be found ({name}). Set AWS_ACCESS_KEY_ID and the like, a profile, or a role."
        return AppError(Code.STORAGE_UNAVAILABLE, message, retry_after=60.0)
    return AppError(
        Code.STORAGE_UNAVAILABLE, f"{_NAMES[service]} can't be reached ({name}). Try again soon.", retry_after=RETRY_AFTER_SECONDS
    )


_NAMES: Final = {"s3": "The object store", "kms": "The key service", "secretsmanager": "The secret store"}

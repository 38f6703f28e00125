"""What chat and embeddings share: the connection, verdicts on failures, retries, the limit of calls at once, prices."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from backend.adapters.langchain.errors import RETRYABLE, Verdicts, retry_after
from backend.core.errors import AppError
from backend.core.model.budget import Usage
from backend.core.model.tenant import Secret

T = TypeVar("T")

OPENAI_URL: Final = "https://api.openai.com/v1"
RESPONSE_FORMAT: Final = "response_format"
TEMPERATURE: Final = "temperature"
DIMENSIONS: Final = "dimensions"
_PARAMETERS: Final = {
    "response_format": RESPONSE_FORMAT,
    "json_schema": RESPONSE_FORMAT,
    "temperature": TEMPERATURE,
    "dimensions": DIMENSIONS,
    "matryoshka": DIMENSIONS,
}
"""What in a rejection's text names a parameter that can be done without."""
_LONGEST_WAIT: Final = 30.0
"""Seconds a call waits between tries at most; a provider that asks for more gets the caller's own retry later."""


class Access(Struct, frozen=True, kw_only=True):
    """How to reach a provider: `provider` is the name errors and usage tell, None as base URL means OpenAI."""

    provider: str
    model: str
    api_key: Secret | None = None
    base_url: str | None = None
    timeout: float = 60.0
    attempts: int = 3
    concurrency: int = 8
    first_wait: float = 0.5
    """Seconds before the second try; doubles with each one."""
    client_options: "Callable[[Any], dict[str, Any]] | None" = None
    """Given the HTTP library, more options of its client: for an address that somebody else than the operator chose."""

    def http_options(self, library: Any) -> dict[str, Any]:
        """Options of the HTTP client, one of `library`."""
        return {"timeout": self.timeout} | (self.client_options(library) if self.client_options is not None else {})


class Caller:
    """Runs calls to one provider: so many at once, tried again where that can help, every failure an AppError."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.verdicts = Verdicts(access.provider, access.model, access.timeout)
        self._slots = asyncio.Semaphore(access.concurrency)

    async def retrying(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`, tried up to `attempts` times while it raises what may work in a moment."""
        # Loaded at the first call: tenacity is not needed to start.
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.access.attempts),
            wait=lambda state: self._wait(state.attempt_number, state.outcome.exception() if state.outcome else None),
            retry=retry_if_exception(_worth_another_try),
            reraise=True,
        )

        async def once() -> T:
            return await call()

        return await retrying(once)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the calls at once; failures stay as they are."""
        async with self._slots:
            yield

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One of the calls at once; inside, every failure of the provider becomes an AppError."""
        # Already loaded by whoever made the client.
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        async with self._slots:
            try:
                yield
            except openai.APIStatusError as error:
                raise self._verdict(error.status_code, str(error.code or ""), str(error.message), error.response.headers) from None
            except (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError):
                raise self.verdicts.too_slow() from None
            except openai.APIConnectionError:
                raise self.verdicts.unreachable() from None
            except openai.ContentFilterFinishReasonError:
                raise self.verdicts.filtered() from None
            except (httpx2.HTTPError, openai.APIError) as error:
                if isinstance(error, openai.APIResponseValidationError):
                    raise self.verdicts.malformed(error) from None
                raise self.verdicts.broken_off() from None
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                # LangChain and the client raise these on a body that is not JSON or lacks what the API documents.
                raise self.verdicts.malformed(error) from None

    def _verdict(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> AppError:
        text = message.lower()
        named = next((parameter for word, parameter in _PARAMETERS.items() if word in text), "")
        return self.verdicts.of_status(status, code=code, named=named, retry_after=retry_after(headers))

    def http_client(self) -> Any:
        """An HTTP client of our own: LangChain's shared one would outlive the event loop it was made in."""
        # Loaded with LangChain's class, which the caller is about to make.
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        return openai.DefaultAsyncHttpxClient(**self.access.http_options(httpx2))

    def client_options(self) -> dict[str, Any]:
        """Options common to LangChain's classes. Key and address are always given, or LangChain would look in the environment."""
        return {
            "model": self.access.model,
            "api_key": self.access.api_key.reveal() if self.access.api_key else "none",
            "base_url": self.access.base_url or OPENAI_URL,
            "timeout": self.access.timeout,
            "max_retries": 0,
        }

    def _wait(self, attempt: int, error: BaseException | None) -> float:
        told = error.retry_after if isinstance(error, AppError) else None
        return told if told is not None else min(self.access.first_wait * 2 ** (attempt - 1), _LONGEST_WAIT)


def _worth_another_try(error: BaseException) -> bool:
    if not isinstance(error, AppError) or error.code not in RETRYABLE or error.details.get("reason") == "insufficient_quota":
        return False
    return error.retry_after is None or error.retry_after <= _LONGEST_WAIT


def parse_prices(text: str) -> dict[str, tuple[float, float]]:
    """Read `model=input/output, …`: US dollars per million tokens. Raises ValueError naming the entry that can't be read."""
    prices: dict[str, tuple[float, float]] = {}
    for entry in filter(None, (piece.strip() for piece in text.split(","))):
        model, _, figures = entry.rpartition("=")
        incoming, slash, outgoing = figures.partition("/")
        try:
            prices[model.strip()] = (float(incoming), float(outgoing) if slash else 0.0)
        except ValueError:
            raise ValueError(f"{entry!r} is not `model=input/output` in US dollars per million tokens") from None
    return prices


def cost_of(prices: Mapping[str, tuple[float, float]], model: str, input_tokens: int, output_tokens: int) -> Usage:
    """The Usage of one call; without a price for the model its cost is unknown, which is not the same as nothing."""
    usage = Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens)
    if model not in prices:
        return structs.replace(usage, unpriced_calls=1)
    incoming, outgoing = prices[model]
    return structs.replace(usage, cost_usd=(input_tokens * incoming + output_tokens * outgoing) / 1_000_000)

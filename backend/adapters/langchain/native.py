"""What models with an API of their own have in common (Anthropic, Google): one client, retries, verdicts, streams, usage."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from backend.adapters.langchain.calls import RESPONSE_FORMAT, TEMPERATURE, Access, Caller, cost_of
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk


class End(Enum):
    """Why a model stopped."""

    DONE = "done"
    LENGTH = "length"
    REFUSED = "refused"
    FILTERED = "filtered"


class NativeChat(ABC):
    """A ChatModel over one of LangChain's vendor classes, made at the first call and shared by all.

    Answers by JSON Schema; a model that rejects the schema or `temperature` is not sent it again (the prompts ask for JSON in
    words too). `prices` is US dollars per million tokens by model: (input, output).
    """

    schema_words: ClassVar[tuple[str, ...]]
    """What in a rejection's text says that the model takes no schema."""

    def __init__(self, access: Access, *, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        self._access = access
        self._prices = dict(prices or {})
        self._caller = Caller(access)
        self._client: BaseChatModel | None = None
        self._http: Any = None
        self._making = asyncio.Lock()
        self._left_out: set[str] = set()

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._access.provider

    @property
    def model(self) -> str:
        """The model's name."""
        return self._access.model

    async def complete(self, prompt: Prompt) -> Completion:
        """The whole answer; with a schema, JSON that the caller validates. Raises AppError with an LLM_* code."""
        client = await self._ready()
        message = await self._caller.retrying(lambda: self._conceding(client, prompt))
        return Completion(text=message.text, usage=self._usage(message), model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """The answer as it comes, then one Delta with the usage. Tried again only while nothing has come yet."""
        client = await self._ready()
        pieces = await self._caller.retrying(lambda: self._open(client, prompt))
        async with aclosing(pieces):
            async for delta in pieces:
                yield delta

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
        self._client = self._http = None

    @abstractmethod
    def _make(self) -> "tuple[BaseChatModel, Any]":
        """LangChain's client, and the HTTP client it uses, which is ours to close."""

    @abstractmethod
    def _options(self, prompt: Prompt) -> dict[str, Any]:
        """Options of a call by the vendor's names, save `temperature`."""

    @abstractmethod
    def _schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Options that ask for JSON of this schema."""

    @abstractmethod
    def _failures(self) -> tuple[type[Exception], ...]:
        """What the vendor's client raises."""

    @abstractmethod
    def _verdict(self, error: Exception) -> AppError:
        """What one of `_failures` means."""

    @abstractmethod
    def _end(self, message: "AIMessage") -> End:
        """Why the model stopped, from the message's metadata."""

    def _of_status(self, status: int, message: str, *, code: str = "", retry_after: float | None = None) -> AppError:
        text = message.lower()
        named = TEMPERATURE if TEMPERATURE in text else ""
        if any(word in text for word in self.schema_words):
            named = RESPONSE_FORMAT
        return self._caller.verdicts.of_status(status, code=code, named=named, retry_after=retry_after)

    async def _ready(self) -> "BaseChatModel":
        async with self._making:
            if self._client is None:
                # Importing LangChain takes a second or two, during which others must be served.
                made, self._http = await asyncio.to_thread(self._make)
                self._client = made
            return self._client

    def _asked(self, prompt: Prompt) -> dict[str, dict[str, Any]]:
        """The options by what they are for, without those that the model rejected."""
        asked = {"": self._options(prompt), TEMPERATURE: {TEMPERATURE: prompt.temperature}}
        if prompt.schema is not None:
            asked[RESPONSE_FORMAT] = self._schema(prompt.schema)
        return {name: options for name, options in asked.items() if name not in self._left_out}

    def _concedes(self, error: AppError, asked: Mapping[str, object]) -> bool:
        """Whether it is worth asking again with less."""
        named = str(error.details.get("reason", ""))
        if error.code is not Code.LLM_REQUEST_REJECTED or not named or named not in asked:
            return False
        self._left_out.add(named)
        return True

    async def _conceding(self, client: "BaseChatModel", prompt: Prompt) -> "AIMessage":
        while True:
            asked = self._asked(prompt)
            try:
                async with self._slot(), asyncio.timeout(self._access.timeout):
                    message = await client.ainvoke(_messages(prompt), **_merged(asked))
                    self._check(message, said=bool(message.text))
                    return message
            except AppError as error:
                if not self._concedes(error, asked):
                    raise

    async def _open(self, client: "BaseChatModel", prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """A stream that has begun: its first piece is here, so it won't be tried again."""
        while True:
            asked = self._asked(prompt)
            deltas = self._deltas(client, prompt, _merged(asked))
            try:
                first = await anext(deltas)
            except AppError as error:
                if not self._concedes(error, asked):
                    raise
            else:
                return _with_first(first, deltas)

    async def _deltas(self, client: "BaseChatModel", prompt: Prompt, options: dict[str, Any]) -> AsyncGenerator[Delta, None]:
        whole: AIMessageChunk | None = None
        async with self._slot():
            chunks: Any = client.astream(_messages(prompt), **options)
            async with aclosing(chunks):
                while True:
                    # A provider that stops sending is as good as gone.
                    async with asyncio.timeout(self._access.timeout):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    whole = chunk if whole is None else whole + chunk
                    if chunk.text:
                        yield Delta(text=chunk.text)
            if whole is None:
                raise self._caller.verdicts.broken_off()
            self._check(whole, said=bool(whole.text))
        yield Delta(usage=self._usage(whole))

    def _check(self, message: "AIMessage", *, said: bool) -> None:
        verdicts = self._caller.verdicts
        end = self._end(message)
        if end is End.FILTERED:
            raise verdicts.filtered()
        if end is End.REFUSED:
            raise verdicts.refused()
        if not said:
            raise verdicts.empty() if end is End.LENGTH else verdicts.refused()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        async with self._caller.turn():
            with self._judged():
                yield

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Every failure of the provider becomes an AppError."""
        # Already loaded by whoever made the client.
        import httpx  # noqa: PLC0415
        import httpx2  # noqa: PLC0415

        verdicts = self._caller.verdicts
        try:
            yield
        except (TimeoutError, httpx.TimeoutException, httpx2.TimeoutException):
            raise verdicts.too_slow() from None
        except (httpx.ConnectError, httpx2.ConnectError):
            raise verdicts.unreachable() from None
        except (httpx.HTTPError, httpx2.HTTPError):
            raise verdicts.broken_off() from None
        except self._failures() as error:
            raise self._verdict(error) from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # LangChain and the client raise these on a body that is not JSON or lacks what the API documents.
            raise verdicts.malformed(error) from None

    def _usage(self, message: "AIMessage") -> Usage:
        counted = message.usage_metadata
        if counted is None:
            return Usage(calls=1, unpriced_calls=1)
        return cost_of(self._prices, self.model, counted["input_tokens"], counted["output_tokens"])


def _merged(asked: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: value for options in asked.values() for key, value in options.items()}


def _messages(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in prompt.messages]


async def _with_first(first: Delta, rest: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
    async with aclosing(rest):
        yield first
        async for delta in rest:
            yield delta

"""A language model of OpenAI or a compatible server, through LangChain."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from backend.adapters.langchain.calls import RESPONSE_FORMAT, TEMPERATURE, Access, Caller, cost_of
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Usage

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_openai import ChatOpenAI

_SCHEMA_MODES: Final = ("json_schema", "json_object", "none")


class LangChainChat:
    """A ChatModel over `langchain_openai.ChatOpenAI`, which is made at the first call and shared by all.

    Answers by JSON Schema where the server can; a server that says it can't is asked for plain JSON from then on, and
    one that rejects `temperature` is not sent it again. `prices` is US dollars per million tokens by model: (input, output).
    """

    def __init__(self, access: Access, *, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        self._access = access
        self._prices = dict(prices or {})
        self._caller = Caller(access)
        self._client: ChatOpenAI | None = None
        self._http: Any = None
        self._making = asyncio.Lock()
        self._schema_mode = 0
        self._temperature = True

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

    async def _ready(self) -> "ChatOpenAI":
        async with self._making:
            if self._client is None:
                # Importing LangChain takes a second or two, during which others must be served.
                self._client = await asyncio.to_thread(self._make)
            return self._client

    def _make(self) -> "ChatOpenAI":
        # Loaded at first use: start-up must stay fast for those who use no model.
        from langchain_openai import ChatOpenAI  # noqa: PLC0415

        self._http = self._caller.http_client()
        return ChatOpenAI(
            **self._caller.client_options(),
            http_async_client=self._http,
            stream_usage=True,
            stream_chunk_timeout=self._access.timeout,
            use_responses_api=False,
        )

    async def _conceding(self, client: "ChatOpenAI", prompt: Prompt) -> "AIMessage":
        """Ask; where the server rejects a parameter that can be done without, ask without it."""
        while True:
            options, mode = self._options(prompt), self._schema_mode
            try:
                return await self._ask(client, prompt, options)
            except AppError as error:
                if not self._concede(error, options, mode):
                    raise

    def _options(self, prompt: Prompt) -> dict[str, Any]:
        options: dict[str, Any] = {"max_tokens": prompt.max_tokens}
        if self._temperature:
            options[TEMPERATURE] = prompt.temperature
        if prompt.schema is not None and _SCHEMA_MODES[self._schema_mode] != "none":
            options[RESPONSE_FORMAT] = _response_format(_SCHEMA_MODES[self._schema_mode], prompt.schema)
        return options

    def _concede(self, error: AppError, options: dict[str, Any], mode: int) -> bool:
        """Whether it is worth asking again with less; calls that run at the same time concede once, not once each."""
        parameter = error.details.get("reason")
        if error.code is not Code.LLM_REQUEST_REJECTED or parameter not in options:
            return False
        if parameter == RESPONSE_FORMAT:
            self._schema_mode = max(self._schema_mode, mode + 1)
        else:
            self._temperature = False
        return True

    async def _ask(self, client: "ChatOpenAI", prompt: Prompt, options: dict[str, Any]) -> "AIMessage":
        import openai  # noqa: PLC0415

        async with self._caller.slot(), asyncio.timeout(self._access.timeout):
            try:
                message = await client.ainvoke(_messages(prompt), **options)
            except openai.LengthFinishReasonError as cut:
                # The JSON is cut off: the caller finds that out and says so; what it cost must not be lost.
                return _cut_off(cut.completion)
            self._check(message)
            return message

    def _check(self, message: "AIMessage") -> None:
        if message.additional_kwargs.get("refusal"):
            raise self._caller.verdicts.refused()
        self._check_end(message.response_metadata.get("finish_reason"), said=bool(message.text))

    def _check_end(self, finish: object, *, said: bool) -> None:
        if finish == "content_filter":
            raise self._caller.verdicts.filtered()
        if not said:
            raise self._caller.verdicts.empty() if finish == "length" else self._caller.verdicts.refused()

    async def _open(self, client: "ChatOpenAI", prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """A stream that has begun: its first piece is here, so it won't be tried again."""
        while True:
            options, mode = self._options(prompt), self._schema_mode
            deltas = self._deltas(client, prompt, options)
            try:
                first = await anext(deltas)
            except AppError as error:
                if not self._concede(error, options, mode):
                    raise
            else:
                return _with_first(first, deltas)

    async def _deltas(self, client: "ChatOpenAI", prompt: Prompt, options: dict[str, Any]) -> AsyncGenerator[Delta, None]:
        whole: AIMessageChunk | None = None
        async with self._caller.slot():
            async for chunk in client.astream(_messages(prompt), **options):
                whole = chunk if whole is None else whole + chunk
                if chunk.text:
                    yield Delta(text=chunk.text)
            # A refusal streams no text: https://platform.openai.com/docs/guides/structured-outputs#refusals
            self._check_end(whole.response_metadata.get("finish_reason") if whole else None, said=bool(whole and whole.text))
        yield Delta(usage=self._usage(whole))

    def _usage(self, message: "AIMessage | None") -> Usage:
        counted = message.usage_metadata if message is not None else None
        if counted is None:
            return Usage(calls=1, unpriced_calls=1)
        return cost_of(self._prices, self.model, counted["input_tokens"], counted["output_tokens"])


async def _with_first(first: Delta, rest: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
    async with aclosing(rest):
        yield first
        async for delta in rest:
            yield delta


def _messages(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in prompt.messages]


def _response_format(mode: str, schema: dict[str, Any]) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/chat/create#chat_create-response_format"""
    if mode == "json_object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": schema["title"], "schema": schema, "strict": True}}


def _cut_off(completion: Any) -> "AIMessage":
    from langchain_core.messages import AIMessage  # noqa: PLC0415

    used = completion.usage
    return AIMessage(
        content=completion.choices[0].message.content or "",
        usage_metadata={
            "input_tokens": used.prompt_tokens if used else 0,
            "output_tokens": used.completion_tokens if used else 0,
            "total_tokens": used.total_tokens if used else 0,
        },
    )

"""What every chat model through LangChain has in common: whole answers, streams, concessions, usage."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from enum import Enum
from typing import TYPE_CHECKING, Any

from backend.adapters.langchain.calls import RESPONSE_FORMAT, TEMPERATURE, Access, cost_of
from backend.adapters.langchain.connected import Connected
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk

Asked = Mapping[str, dict[str, Any]]
"""The options of a call by what they are for: TEMPERATURE, RESPONSE_FORMAT, and "" for those it can't do without."""


class End(Enum):
    """Why a model stopped."""

    DONE = "done"
    LENGTH = "length"
    REFUSED = "refused"
    FILTERED = "filtered"


class AskingChat(Connected["BaseChatModel"]):
    """A ChatModel over one of LangChain's classes.

    Answers by JSON Schema; a model that rejects the schema or `temperature` is not sent it again (the prompts ask for JSON in
    words too).
    """

    def __init__(self, access: Access, *, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        super().__init__(access, prices=prices)
        self._left_out: set[str] = set()

    async def complete(self, prompt: Prompt) -> Completion:
        """The whole answer; with a schema, JSON that the caller validates. Raises AppError with an LLM_* code."""
        client = await self._ready()
        message = await self._caller.retrying(lambda: self._conceding(client, prompt))
        return Completion(text=message.text, usage=self._usage(message), model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """The answer as it comes, then one Delta with the usage. Tried again only while nothing has come yet."""
        client = await self._ready()
        pieces = await self._caller.retrying(lambda: self._open(client, prompt))
        async with aclosing(pieces):
            async for delta in pieces:
                yield delta

    @abstractmethod
    def _options(self, prompt: Prompt) -> dict[str, Any]:
        """Options of a call by the vendor's names, save `temperature`."""

    @abstractmethod
    def _schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Options that ask for JSON of this schema."""

    @abstractmethod
    def _slot(self) -> AbstractAsyncContextManager[None]:
        """One of the calls at once; inside, every failure of the provider becomes an AppError."""

    @abstractmethod
    def _end(self, message: "AIMessage") -> End:
        """Why the model stopped, from the message's metadata."""

    def _asked(self, prompt: Prompt) -> Asked:
        """The options by what they are for, without those that the model rejected."""
        asked = {"": self._options(prompt), TEMPERATURE: {TEMPERATURE: prompt.temperature}}
        if prompt.schema is not None:
            asked[RESPONSE_FORMAT] = self._schema(prompt.schema)
        return {name: options for name, options in asked.items() if name not in self._left_out}

    def _concedes(self, error: AppError, asked: Asked) -> bool:
        """Whether it is worth asking again with less."""
        named = str(error.details.get("reason", ""))
        if error.code is not Code.LLM_REQUEST_REJECTED or not named or named not in asked:
            return False
        self._leave_out(named, asked[named])
        return True

    def _leave_out(self, named: str, _rejected: dict[str, Any]) -> None:
        """Send the model less from now on: it rejected these options, which are there for `named`."""
        self._left_out.add(named)

    async def _conceding(self, client: "BaseChatModel", prompt: Prompt) -> "AIMessage":
        """Ask; where the model rejects what can be done without, ask without it."""
        while True:
            asked = self._asked(prompt)
            try:
                return await self._ask(client, prompt, _merged(asked))
            except AppError as error:
                if not self._concedes(error, asked):
                    raise

    async def _ask(self, client: "BaseChatModel", prompt: Prompt, options: dict[str, Any]) -> "AIMessage":
        async with self._slot(), asyncio.timeout(self._access.timeout):
            message = await client.ainvoke(_messages(prompt), **options)
            self._check(message)
            return message

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
            self._check(whole)
        yield Delta(usage=self._usage(whole))

    def _check(self, message: "AIMessage") -> None:
        verdicts = self._caller.verdicts
        end = self._end(message)
        if end is End.FILTERED:
            raise verdicts.filtered()
        if end is End.REFUSED:
            raise verdicts.refused()
        if not message.text:
            raise verdicts.empty() if end is End.LENGTH else verdicts.refused()

    def _usage(self, message: "AIMessage") -> Usage:
        counted = message.usage_metadata
        if counted is None:
            return Usage(calls=1, unpriced_calls=1)
        return cost_of(self._prices, self.model, counted["input_tokens"], counted["output_tokens"])


def _merged(asked: Asked) -> dict[str, Any]:
    return {key: value for options in asked.values() for key, value in options.items()}


def _messages(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in prompt.messages]


async def _with_first(first: Delta, rest: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
    async with aclosing(rest):
        yield first
        async for delta in rest:
            yield delta

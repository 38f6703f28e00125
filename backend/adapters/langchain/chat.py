"""A language model of OpenAI or a compatible server, through LangChain."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

from backend.adapters.langchain.asking import AskingChat, End
from backend.adapters.langchain.calls import RESPONSE_FORMAT, Access
from backend.core.model.answer import Prompt

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

_SCHEMA: Final = "json_schema"
_ENDS: Final = {"length": End.LENGTH, "content_filter": End.FILTERED}
"""https://platform.openai.com/docs/api-reference/chat/object#chat-object-choices-finish_reason"""


class LangChainChat(AskingChat):
    """A ChatModel over `langchain_openai.ChatOpenAI`.

    A server that says it can't answer by JSON Schema is asked for plain JSON from then on, and one that can't do that either
    for none.
    """

    def __init__(self, access: Access, *, prices: Mapping[str, tuple[float, float]] | None = None) -> None:
        super().__init__(access, prices=prices)
        self._takes_schema = True

    def _make(self) -> "tuple[BaseChatModel, Any]":
        # Loaded at first use: start-up must stay fast for those who use no model.
        from langchain_openai import ChatOpenAI  # noqa: PLC0415

        http = self._caller.http_client()
        chat = ChatOpenAI(
            **self._caller.client_options(),
            http_async_client=http,
            stream_usage=True,
            # Who reads the stream times every piece.
            stream_chunk_timeout=None,
            use_responses_api=False,
        )
        return chat, http

    def _options(self, prompt: Prompt) -> dict[str, Any]:
        return {"max_tokens": prompt.max_tokens}

    def _schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """https://platform.openai.com/docs/api-reference/chat/create#chat_create-response_format"""
        if not self._takes_schema:
            return _as_it_is({"type": "json_object"})
        return _as_it_is({"type": _SCHEMA, "json_schema": {"name": schema["title"], "schema": schema, "strict": True}})

    def _leave_out(self, named: str, rejected: dict[str, Any]) -> None:
        if named == RESPONSE_FORMAT and rejected["extra_body"][RESPONSE_FORMAT]["type"] == _SCHEMA:
            # Calls that ran at the same time concede this once, not once each.
            self._takes_schema = False
        else:
            super()._leave_out(named, rejected)

    def _slot(self) -> AbstractAsyncContextManager[None]:
        return self._caller.slot()

    def _end(self, message: "AIMessage") -> End:
        # A refusal streams no text: https://platform.openai.com/docs/guides/structured-outputs#refusals
        if message.additional_kwargs.get("refusal"):
            return End.REFUSED
        return _ENDS.get(str(message.response_metadata.get("finish_reason")), End.DONE)


def _as_it_is(response_format: dict[str, Any]) -> dict[str, Any]:
    # The client walks through options that it knows, a third of all it does in a call, and reads the answer into a model of its own.
    return {"extra_body": {RESPONSE_FORMAT: response_format}}

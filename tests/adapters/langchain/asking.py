"""Two prompts of the product, a chat for each server, and both ways to ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from backend.adapters.langchain.asking import AskingChat
from backend.adapters.langchain.calls import Access
from backend.adapters.langchain.chat import LangChainChat
from backend.adapters.langchain.claude import ClaudeChat
from backend.adapters.langchain.gemini import GeminiChat
from backend.core.errors import AppError, Code
from backend.core.model.answer import Delta, Prompt, SourceText
from backend.core.model.article import Visibility
from backend.core.model.document import Part
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Role
from backend.core.prompts.answer import answer_prompt
from backend.core.prompts.summary import summary_prompt
from tests.support.native_servers import AnthropicServer, GoogleServer
from tests.support.openai_server import KEY, OpenAIServer

SERVERS: Final = {"openai": OpenAIServer, "anthropic": AnthropicServer, "google": GoogleServer}
_CHATS: Final[dict[type[OpenAIServer], tuple[str, type[AskingChat]]]] = {
    OpenAIServer: ("openai", LangChainChat),
    AnthropicServer: ("anthropic", ClaudeChat),
    GoogleServer: ("google", GeminiChat),
}


def summary() -> Prompt:
    """Asks for JSON of the summary's schema."""
    text = "VPN 접속이 안 됩니다. ERR-4012 오류가 나옵니다."
    return summary_prompt("VPN 오류", [Part(kind="description", text=text, visibility=Visibility.CONVERSATION, role=Role.CUSTOMER)])


def question() -> Prompt:
    """Asks for an answer in words."""
    source = SourceText(number=1, title="VPN", text="재설정하면 됩니다.", visibility=Visibility.PUBLIC, document_id="d")
    return answer_prompt("VPN이 안 돼요", "ko", [source])


@asynccontextmanager
async def chat_of(server: OpenAIServer, **more: Any) -> AsyncIterator[AskingChat]:
    """A chat that speaks the server's API; `more` changes its Access."""
    provider, makes = _CHATS[type(server)]
    options = {"provider": provider, "model": "m-test", "api_key": Secret(KEY), "base_url": server.base_url, "first_wait": 0.01, **more}
    chat = makes(Access(**options), prices={"m-test": (1.0, 10.0)})
    try:
        yield chat
    finally:
        await chat.close()


async def collected(chat: AskingChat, prompt: Prompt) -> list[Delta]:
    """Everything that a stream brings."""
    return [delta async for delta in chat.stream(prompt)]


async def refused(chat: AskingChat, code: Code, prompt: Prompt | None = None) -> list[AppError]:
    """Ask for the whole answer, then for a stream: both end in this error, which says enough and repeats neither key nor prompt."""
    errors = []
    for ask in (lambda: chat.complete(prompt or question()), lambda: collected(chat, question())):
        with pytest.raises(AppError) as raised:
            await ask()
        error = raised.value
        assert error.code is code
        told = f"{error} {error.message} {error.details} {error!r} {error.__cause__}"
        assert not [word for word in (KEY, "sk-", "VPN") if word in told]
        assert len(error.message) > 30
        errors.append(error)
    return errors

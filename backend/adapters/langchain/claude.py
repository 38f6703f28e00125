"""A language model of Anthropic, through LangChain (extra `anthropic`)."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from backend.adapters.langchain.asking import End
from backend.adapters.langchain.errors import retry_after
from backend.adapters.langchain.native import NativeChat
from backend.core.errors import AppError
from backend.core.model.answer import Prompt

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

ANTHROPIC_URL: Final = "https://api.anthropic.com"
_ENDS: Final = {"max_tokens": End.LENGTH, "model_context_window_exceeded": End.LENGTH, "refusal": End.REFUSED}
"""https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons"""


class ClaudeChat(NativeChat):
    """A ChatModel over `langchain_anthropic.ChatAnthropic`."""

    schema_words: ClassVar = ("output_config", "output_format", "structured output")

    def _make(self) -> "tuple[BaseChatModel, Any]":
        # An extra, and loaded at first use: start-up must stay fast for those who use another model.
        import anthropic  # noqa: PLC0415
        import httpx2  # noqa: PLC0415
        from langchain_anthropic import ChatAnthropic  # noqa: PLC0415

        access = self._access
        key = access.api_key.reveal() if access.api_key else "none"
        base_url = access.base_url or ANTHROPIC_URL
        # Key and address are always given, or LangChain would look in the environment.
        chat = ChatAnthropic(
            model=access.model, api_key=key, base_url=base_url, timeout=access.timeout, max_retries=0, stop=None, stream_usage=True
        )
        http = anthropic.DefaultAsyncHttpxClient(**access.http_options(httpx2))
        # LangChain's own connections are shared by the process and would outlive the event loop they were made in.
        chat.__dict__["_async_client"] = anthropic.AsyncAnthropic(
            api_key=key, base_url=base_url, timeout=access.timeout, max_retries=0, http_client=http
        )
        return chat, http

    def _options(self, prompt: Prompt) -> dict[str, Any]:
        return {"max_tokens": prompt.max_tokens}

    def _schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """https://platform.claude.com/docs/en/build-with-claude/structured-outputs"""
        return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}

    def _failures(self) -> tuple[type[Exception], ...]:
        # Already loaded with the client.
        import anthropic  # noqa: PLC0415

        return (anthropic.AnthropicError,)

    def _verdict(self, error: Exception) -> AppError:
        """https://platform.claude.com/docs/en/api/errors"""
        # Already loaded with the client.
        import anthropic  # noqa: PLC0415

        verdicts = self._caller.verdicts
        if isinstance(error, anthropic.APIResponseValidationError):
            return verdicts.malformed(error)
        if isinstance(error, anthropic.APIStatusError):
            text = f"{error.message} {error.body}".lower()
            if error.status_code < 400:
                # An error that came in the middle of a stream, whose status was fine.
                return verdicts.broken_off()
            code = "insufficient_quota" if error.status_code == 402 or "credit balance" in text else ""
            code = "context_length_exceeded" if "prompt is too long" in text else code
            return self._of_status(error.status_code, text, code=code, retry_after=retry_after(error.response.headers))
        if isinstance(error, anthropic.APITimeoutError):
            return verdicts.too_slow()
        if isinstance(error, anthropic.APIConnectionError):
            return verdicts.unreachable()
        return verdicts.broken_off()

    def _end(self, message: "AIMessage") -> End:
        return _ENDS.get(str(message.response_metadata.get("stop_reason")), End.DONE)

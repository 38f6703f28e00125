"""A Gemini model of Google, through LangChain (extra `google`)."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from backend.adapters.langchain.asking import End
from backend.adapters.langchain.errors import retry_after
from backend.adapters.langchain.native import NativeChat
from backend.core.errors import AppError
from backend.core.model.answer import Prompt

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

GOOGLE_URL: Final = "https://generativelanguage.googleapis.com"
_FILTERS: Final = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY"})
"""https://ai.google.dev/api/generate-content#FinishReason"""


class GeminiChat(NativeChat):
    """A ChatModel over `langchain_google_genai.ChatGoogleGenerativeAI`."""

    schema_words: ClassVar = ("response_json_schema", "responsejsonschema", "response_schema", "response_mime_type", "json mode")

    def _make(self) -> "tuple[BaseChatModel, Any]":
        # An extra, and loaded at first use: start-up must stay fast for those who use another model.
        import httpx  # noqa: PLC0415
        from google.genai import Client  # noqa: PLC0415
        from google.genai.types import HttpOptions, HttpRetryOptions  # noqa: PLC0415
        from langchain_google_genai import ChatGoogleGenerativeAI  # noqa: PLC0415

        access = self._access
        key = access.api_key.reveal() if access.api_key else "none"
        base_url = access.base_url or GOOGLE_URL
        # Key and address are always given, and the service is named, or LangChain would look in the environment.
        chat = ChatGoogleGenerativeAI(model=access.model, api_key=key, base_url=base_url, max_retries=1, vertexai=False)
        http = httpx.AsyncClient(**access.http_options(httpx))
        options = HttpOptions(
            base_url=base_url,
            timeout=int(access.timeout * 1000),
            httpx_async_client=http,
            retry_options=HttpRetryOptions(attempts=1),
        )
        # A client of our own: its connections are ours to close.
        chat.client = Client(api_key=key, vertexai=False, http_options=options)
        return chat, http

    def _options(self, prompt: Prompt) -> dict[str, Any]:
        return {"max_output_tokens": prompt.max_tokens}

    def _schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """https://ai.google.dev/gemini-api/docs/structured-output"""
        return {"response_mime_type": "application/json", "response_json_schema": schema}

    def _failures(self) -> tuple[type[Exception], ...]:
        # Already loaded with the client.
        from google.genai.errors import APIError, UnknownApiResponseError  # noqa: PLC0415
        from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError  # noqa: PLC0415

        return (APIError, UnknownApiResponseError, ChatGoogleGenerativeAIError)

    def _verdict(self, error: Exception) -> AppError:
        """https://ai.google.dev/gemini-api/docs/troubleshooting"""
        # Already loaded with the client.
        from google.genai.errors import APIError, UnknownApiResponseError  # noqa: PLC0415

        verdicts = self._caller.verdicts
        if isinstance(error, UnknownApiResponseError):
            return verdicts.malformed(error)
        # LangChain tells its own kind, and the client's behind it.
        told = error if isinstance(error, APIError) else error.__cause__
        if not isinstance(told, APIError):
            return verdicts.malformed(error)
        status = int(told.code or 0)
        text = str(told.details).lower()
        if status < 400:
            return verdicts.broken_off()
        if "api_key_invalid" in text or "api key not valid" in text:
            # Google answers a wrong key with status 400.
            status = 401
        code = "context_length_exceeded" if status == 400 and "exceeds the maximum number of tokens" in text else ""
        headers = getattr(told.response, "headers", None) or {}
        wait = _told_wait(told.details)
        return self._of_status(status, text, code=code, retry_after=retry_after(headers) if wait is None else wait)

    def _end(self, message: "AIMessage") -> End:
        said = message.response_metadata
        if str((said.get("prompt_feedback") or {}).get("block_reason") or "").upper() not in {"", "0", "BLOCK_REASON_UNSPECIFIED"}:
            return End.FILTERED
        reason = str(said.get("finish_reason", ""))
        if reason in _FILTERS:
            return End.FILTERED
        return End.LENGTH if reason == "MAX_TOKENS" else End.DONE


def _told_wait(details: Any) -> float | None:
    """Seconds from a RetryInfo, `"retryDelay": "34s"`: https://cloud.google.com/apis/design/errors#error_details"""
    error = details.get("error") if isinstance(details, dict) else None
    rows = error.get("details") if isinstance(error, dict) else None
    for row in rows if isinstance(rows, list) else ():
        delay = row.get("retryDelay") if isinstance(row, dict) else None
        try:
            seconds = float(str(delay).removesuffix("s"))
        except ValueError:
            continue
        if 0 <= seconds < 86_400:
            return seconds
    return None

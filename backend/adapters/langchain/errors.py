"""What each failure of a provider of models means, as a table; no message repeats what the provider said.

Providers put the key (masked or not) and the request into their error texts, so only the status and our own words go on.
https://platform.openai.com/docs/guides/error-codes
"""

from collections.abc import Mapping
from typing import Final

from backend.core.errors import AppError, Code

RETRYABLE: Final = frozenset({Code.LLM_UNAVAILABLE, Code.LLM_RATE_LIMITED})

_KEY = "Check the API key of {provider} in the settings; it must be valid for the model {model}."
_BY_STATUS: Final[dict[int, tuple[Code, str]]] = {
    401: (Code.LLM_CREDENTIALS_REJECTED, f"{{provider}} rejected the API key. {_KEY}"),
    403: (Code.LLM_CREDENTIALS_REJECTED, f"{{provider}} does not let this API key use the model {{model}}. {_KEY}"),
    404: (Code.LLM_MODEL_WRONG, "{provider} has no model {model} at this address. Check the model's name and the base URL."),
    408: (Code.LLM_UNAVAILABLE, "{provider} took too long. It is tried again later."),
    409: (Code.LLM_UNAVAILABLE, "{provider} is busy. It is tried again later."),
    413: (Code.LLM_REQUEST_REJECTED, "The request is too large for {provider}. Choose a model with a larger context."),
    429: (Code.LLM_RATE_LIMITED, "{provider}'s rate limit is reached. It is tried again later; lower the concurrency if it happens often."),
}
_QUOTA = "The quota of {provider} is used up. Check the plan and billing of the account."
_TOO_LONG = "The request is too long for the model {model}. Choose a model with a larger context."
_REJECTED = "{provider} rejected the request (status {status}). Check that the model {model} supports it."
_DOWN = "{provider} answers with status {status}. It is tried again later."
_AWAY = "{provider} can't be reached. Check the base URL and the network; it is tried again later."
_SLOW = "{provider} did not answer within {timeout:g} s. It is tried again later."
_STRANGE = "{provider} answered with something that is not {api} API. Check the base URL."
_BROKEN = "{provider} broke the answer off. It is tried again later."
_EMPTY = "The model {model} used up its tokens before it answered. Choose a model that reasons less."
_REFUSED = "The model {model} refused to answer. Change the question or choose another model."
_FILTERED = "The content filter of {provider} stopped the answer. Change the question or choose another model."


_APIS: Final = {"anthropic": "Anthropic's", "google": "the Gemini", "reranker": "the rerank"}


class Verdicts:
    """Turns failures of one provider and model into AppErrors; knows no key, so none can get out."""

    def __init__(self, provider: str, model: str, timeout: float) -> None:
        api = _APIS.get(provider, "the OpenAI")
        self._names: dict[str, object] = {"provider": provider, "model": model, "timeout": timeout, "api": api}

    def of_status(self, status: int, *, code: str = "", named: str = "", retry_after: float | None = None) -> AppError:
        """An HTTP status, with the provider's own error code where it sent one, and the parameter it names where it is one we know."""
        if code == "insufficient_quota":
            return self._error(Code.LLM_RATE_LIMITED, _QUOTA, details={"reason": code})
        if code == "context_length_exceeded":
            return self._error(Code.LLM_REQUEST_REJECTED, _TOO_LONG, details={"reason": code})
        if status in _BY_STATUS:
            known, text = _BY_STATUS[status]
            return self._error(known, text, retry_after=retry_after)
        if status >= 500:
            return self._error(Code.LLM_UNAVAILABLE, _DOWN, retry_after=retry_after, status=status)
        return self._error(Code.LLM_REQUEST_REJECTED, _REJECTED, status=status, details={"reason": named} if named else None)

    def unreachable(self) -> AppError:
        """No connection."""
        return self._error(Code.LLM_UNAVAILABLE, _AWAY)

    def too_slow(self) -> AppError:
        """No answer in time."""
        return self._error(Code.LLM_UNAVAILABLE, _SLOW)

    def malformed(self, error: Exception) -> AppError:
        """An answer in another shape; of the error only its type goes on."""
        return self._error(Code.LLM_UNAVAILABLE, _STRANGE, details={"reason": type(error).__name__})

    def broken_off(self) -> AppError:
        """The answer ended in the middle, or an error came instead of the rest."""
        return self._error(Code.LLM_UNAVAILABLE, _BROKEN)

    def empty(self) -> AppError:
        """The model used up its tokens before it said anything."""
        return self._error(Code.LLM_REQUEST_REJECTED, _EMPTY)

    def refused(self) -> AppError:
        """The model said no, or nothing."""
        return self._error(Code.LLM_REFUSED, _REFUSED)

    def filtered(self) -> AppError:
        """The provider's filter stopped it."""
        return self._error(Code.LLM_REFUSED, _FILTERED)

    def _error(
        self, code: Code, text: str, *, retry_after: float | None = None, details: dict[str, str] | None = None, **more: object
    ) -> AppError:
        return AppError(code, text.format(**self._names, **more), retry_after=retry_after, details=details)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait, from `retry-after-ms` or `retry-after`; None where it does not say (or names a date)."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < 86_400:
            return seconds
    return None

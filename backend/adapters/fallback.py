"""A second model for a role: asked where the first is down, and named in usage, metrics and log."""

from collections.abc import AsyncIterator

import msgspec
import structlog

from backend.adapters.wrapped import freed
from backend.core.errors import AppError, Retry
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.ports.llm import ChatModel, masking_of
from backend.core.ports.meter import Meter

log = structlog.get_logger(__name__)


class FallbackChat:
    """A ChatModel that goes by the first one's name, and asks the second where the first is down or rejects the key.

    A refusal or a rejected request is an answer, not an outage: the second is not asked. Results are cached under the
    first one's name, so that nothing is paid for again when it is back.
    """

    def __init__(self, first: ChatModel, second: ChatModel, meter: Meter) -> None:
        self._first = first
        self._second = second
        self._meter = meter

    @property
    def provider(self) -> str:
        """The first one's provider."""
        return self._first.provider

    @property
    def model(self) -> str:
        """The first one's name."""
        return self._first.model

    @property
    def masking(self) -> str:
        """The first one's."""
        return masking_of(self._first)

    async def complete(self, prompt: Prompt) -> Completion:
        """The answer of the first, else of the second, which the Completion names. Raises what the last one asked raises."""
        try:
            return await self._first.complete(prompt)
        except AppError as error:
            self._fall_back(prompt, error)
        return await self._second.complete(prompt)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """Likewise; an answer that has begun is not begun again by another model."""
        begun = False
        try:
            async for delta in freed(self._first.stream(prompt)):
                begun = True
                yield delta
        except AppError as error:
            if begun:
                raise
            self._fall_back(prompt, error)
        else:
            return
        async for delta in freed(self._second.stream(prompt)):
            by_second = delta.usage is not None and not delta.model
            yield msgspec.structs.replace(delta, provider=self._second.provider, model=self._second.model) if by_second else delta

    def _fall_back(self, prompt: Prompt, error: AppError) -> None:
        """Tell of it. Raises the error again where another model is no help."""
        if error.retry not in (Retry.SOURCE_DOWN, Retry.CREDENTIALS):
            raise error
        self._meter.count("llm_fallbacks", 1, purpose=prompt.purpose.value, model=self._second.model, code=error.code.value)
        log.warning(
            "llm_fallback",
            purpose=prompt.purpose.value,
            asked=f"{self.provider}:{self.model}",
            instead=f"{self._second.provider}:{self._second.model}",
            code=error.code.value,
        )

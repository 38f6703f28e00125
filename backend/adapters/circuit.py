"""A provider that keeps failing is left alone for a while: a circuit breaker for each provider and model.

closed     calls go through; so many failures in a row open it
open       calls fail at once, until the pause is over (the provider's own Retry-After, where it told one)
half-open  one call at a time tries whether it works again: a success closes it, a failure doubles the pause
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog

from backend.adapters.wrapped import WrappedChat, WrappedEmbedder, WrappedReranker
from backend.core.errors import AppError, Code, Retry
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Purpose, Usage
from backend.core.ports.llm import ChatModel, CircuitState, Embedder, Reranker
from backend.core.ports.meter import Meter

log = structlog.get_logger(__name__)

LONGEST_PAUSE: Final = 300.0
_LEVELS: Final = {CircuitState.CLOSED: 0.0, CircuitState.HALF_OPEN: 0.5, CircuitState.OPEN: 1.0}


class Circuit:
    """The breaker of one provider and model; `clock` gives seconds that only grow."""

    def __init__(
        self, provider: str, model: str, meter: Meter, *, failures: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.provider = provider
        self.model = model
        self._meter = meter
        self._most = failures
        self._first_pause = self._pause = pause
        self._clock = clock
        self._failures = 0
        self._why: AppError | None = None
        self._until: float | None = None
        self._probing = False
        self._tell()

    @property
    def state(self) -> CircuitState:
        """How it is right now."""
        if self._until is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if self._clock() < self._until else CircuitState.HALF_OPEN

    @property
    def seconds(self) -> float:
        """Until a call may try again."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    @property
    def trouble(self) -> AppError | None:
        """What the last call failed with; None where it worked."""
        return self._why if self._failures else None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around a call. Raises LLM_UNAVAILABLE where it is open, or half-open with somebody trying already."""
        state = self.state
        if state is CircuitState.OPEN or (state is CircuitState.HALF_OPEN and self._probing):
            raise self._left_alone()
        probe = state is CircuitState.HALF_OPEN
        self._probing = self._probing or probe
        self._tell()
        try:
            yield
        except AppError as error:
            if error.retry in (Retry.SOURCE_DOWN, Retry.CREDENTIALS):
                self._failed(error, probe=probe)
            else:
                # It answered, if only to refuse.
                self._worked()
            raise
        else:
            self._worked()
        finally:
            # A probe that was canceled proves nothing; the next call is one.
            if probe:
                self._probing = False
            self._tell()

    def _failed(self, error: AppError, *, probe: bool) -> None:
        self._failures += 1
        self._why = error
        if self._until is not None and not probe:
            # Calls that were under way when it opened say nothing new.
            return
        if not probe and self._failures < self._most:
            return
        self._pause = min(LONGEST_PAUSE, 2 * self._pause) if probe else self._first_pause
        seconds = self._pause if error.retry_after is None else min(LONGEST_PAUSE, error.retry_after)
        self._until = self._clock() + seconds
        log.warning("llm_circuit_opened", provider=self.provider, model=self.model, code=error.code.value, seconds=seconds)

    def _worked(self) -> None:
        if self._until is not None:
            log.info("llm_circuit_closed", provider=self.provider, model=self.model)
        self._failures, self._until, self._pause = 0, None, self._first_pause

    def _left_alone(self) -> AppError:
        seconds = max(1.0, self.seconds)
        if self._why is not None and self._why.retry is Retry.CREDENTIALS:
            # What somebody has to mend is said until it is mended.
            return AppError(self._why.code, f"{self._why.message} It is not asked again for {seconds:.0f} s.", retry_after=seconds)
        return AppError(
            Code.LLM_UNAVAILABLE,
            f"{self.provider}:{self.model} failed {self._failures} times in a row and is not asked again for {seconds:.0f} s. "
            "Look at the provider's status and key; it is tried again by itself.",
            retry_after=seconds,
        )

    def _tell(self) -> None:
        self._meter.level("llm_circuit", _LEVELS[self.state], provider=self.provider, model=self.model)


class GuardedChat(WrappedChat):
    """A ChatModel behind a circuit breaker."""

    def __init__(self, chat: ChatModel, circuit: Circuit) -> None:
        super().__init__(chat)
        self._circuit = circuit

    async def complete(self, prompt: Prompt) -> Completion:
        """As the model behind it. Also raises LLM_UNAVAILABLE at once while the circuit is open."""
        with self._circuit.call():
            return await self._chat.complete(prompt)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """As the model behind it; likewise."""
        with self._circuit.call():
            stream = self._chat.stream(prompt)
            try:
                async for delta in stream:
                    yield delta
            finally:
                # A reader that goes away must free the model's connection now.
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()


class GuardedEmbedder(WrappedEmbedder):
    """An Embedder behind a circuit breaker."""

    def __init__(self, embedder: Embedder, circuit: Circuit) -> None:
        super().__init__(embedder)
        self._circuit = circuit

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        """As the embedder behind it. Also raises LLM_UNAVAILABLE at once while the circuit is open."""
        with self._circuit.call():
            return await self._embedder.embed(texts, purpose)


class GuardedReranker(WrappedReranker):
    """A Reranker behind a circuit breaker."""

    def __init__(self, reranker: Reranker, circuit: Circuit) -> None:
        super().__init__(reranker)
        self._circuit = circuit

    async def judge(self, question: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """As the model behind it. Also raises LLM_UNAVAILABLE at once while the circuit is open."""
        with self._circuit.call():
            return await self._reranker.judge(question, texts)

"""A model that keeps failing is left alone, tried by one call at a time, and taken back when it works; a second one stands in."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from backend.adapters.circuit import Circuit, GuardedChat
from backend.adapters.fallback import FallbackChat
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Usage
from backend.core.ports.llm import CircuitState
from backend.core.prompts.answer import answer_prompt
from backend.observability.metrics import PrometheusMeter

PROMPT = answer_prompt("환불은 언제 됩니까?", "ko", [])
DOWN = AppError(Code.LLM_UNAVAILABLE)
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class Model:
    """A model that fails with `error` while there is one; in a stream after `words`."""

    provider = "openai"

    def __init__(self, model: str, error: AppError | None = None) -> None:
        self.model = model
        self.error = error
        self.words = 0
        self.calls = 0
        self.go = asyncio.Event()
        self.go.set()

    async def complete(self, prompt: Prompt) -> Completion:
        self.calls += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return Completion(text=prompt.version, usage=Usage(calls=1), model=self.model, provider=self.provider)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        self.calls += 1
        for word in ["네,", "됩니다"][: self.words if self.error else None]:
            yield Delta(text=word)
        if self.error is not None:
            raise self.error
        yield Delta(usage=Usage(calls=1, input_tokens=len(prompt.messages)))


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def _fails(chat: GuardedChat, times: int = 1) -> AppError:
    for _ in range(times):
        with pytest.raises(AppError) as failed:
            await chat.complete(PROMPT)
    return failed.value


def _guarded(model: Model, clock: Clock, meter: PrometheusMeter | None = None) -> tuple[GuardedChat, Circuit]:
    circuit = Circuit(model.provider, model.model, meter or PrometheusMeter(), failures=3, pause=10, clock=clock)
    return GuardedChat(model, circuit), circuit


async def test_it_opens_tries_and_closes() -> None:
    model, clock, meter = Model("m", DOWN), Clock(), PrometheusMeter()
    chat, circuit = _guarded(model, clock, meter)
    await _fails(chat, 3)
    assert (circuit.state, circuit.seconds) == (OPEN, 10)
    told = await _fails(chat)
    assert (told.code, told.retry_after, model.calls) == (Code.LLM_UNAVAILABLE, 10, 3)
    assert 'desklore_llm_circuit{model="m",provider="openai"} 1.0' in meter.render()[0].decode()
    clock.now = 10
    assert circuit.state is HALF_OPEN
    await _fails(chat)
    assert (circuit.state, circuit.seconds, model.calls) == (OPEN, 20, 4)
    clock.now, model.error = 30, None
    assert (await chat.complete(PROMPT)).model == "m"
    assert circuit.state is CLOSED
    assert 'desklore_llm_circuit{model="m",provider="openai"} 0.0' in meter.render()[0].decode()


async def test_one_call_tries_at_a_time() -> None:
    model, clock = Model("m", DOWN), Clock()
    chat, circuit = _guarded(model, clock)
    await _fails(chat, 3)
    clock.now, model.error = 11, None
    model.go.clear()
    probe = asyncio.create_task(chat.complete(PROMPT))
    await asyncio.sleep(0)
    await _fails(chat, 5)
    assert model.calls == 4
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert circuit.state is HALF_OPEN
    model.go.set()
    await chat.complete(PROMPT)
    assert circuit.state is CLOSED


async def test_the_provider_s_word_goes_before_ours_and_a_refusal_is_no_outage() -> None:
    model, clock = Model("m", AppError(Code.LLM_RATE_LIMITED, retry_after=42)), Clock()
    chat, circuit = _guarded(model, clock)
    await _fails(chat, 3)
    assert circuit.seconds == 42
    refusing, other = _guarded(Model("n", AppError(Code.LLM_REFUSED)), clock)
    await _fails(refusing, 9)
    assert other.state is CLOSED


async def test_a_second_model_stands_in_and_is_named() -> None:
    first, second, meter = Model("first", DOWN), Model("second"), PrometheusMeter()
    chat = FallbackChat(first, second, meter)
    with structlog.testing.capture_logs() as logs:
        made = await chat.complete(PROMPT)
        deltas = [delta async for delta in chat.stream(PROMPT)]
    assert (chat.model, made.model) == ("first", "second")
    assert ("".join(delta.text for delta in deltas), deltas[-1].model, deltas[-1].provider) == ("네,됩니다", "second", "openai")
    assert [(line["event"], line["asked"], line["instead"]) for line in logs] == [("llm_fallback", "openai:first", "openai:second")] * 2
    assert 'desklore_llm_fallbacks_total{code="llm_unavailable",model="second",purpose="answer"} 2.0' in meter.render()[0].decode()


async def test_a_refusal_and_an_answer_that_has_begun_stay_with_the_first() -> None:
    first, second = Model("first", AppError(Code.LLM_REFUSED)), Model("second")
    chat = FallbackChat(first, second, PrometheusMeter())
    with pytest.raises(AppError):
        await chat.complete(PROMPT)
    first.error, first.words = DOWN, 1
    with pytest.raises(AppError):
        async for _ in chat.stream(PROMPT):
            pass
    assert second.calls == 0

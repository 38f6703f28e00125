"""Models on a tenant's account: admitted while the budget lasts, booked by who made it, one tenant never for another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.budgeted import BudgetedModels
from backend.adapters.offline.chat import OfflineChat
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Budget, BudgetOwner, Limits, Purpose, Usage
from backend.core.model.job import Job
from backend.core.model.tenant import SealedSecret, Tenant
from backend.core.ports.llm import BookedChat, BookedEmbedder
from backend.core.ports.services import Models
from backend.core.prompts.answer import answer_prompt
from backend.core.text.tokens import make_tokenizer
from backend.observability.metrics import PrometheusMeter
from backend.storage.sql.engine import upgrade
from backend.storage.sql.unit_of_work import SqlDatabase

PROMPT = answer_prompt("환불 규정을 알려 주세요", "ko", [])
CALL = Usage(calls=1, input_tokens=60, output_tokens=40, cost_usd=0.5)


class PaidModel:
    """A model that answers at once, or only when it is told to."""

    provider, model, dimension, semantic = "openai", "paid", 2, True

    def __init__(self) -> None:
        self.calls = 0
        self.go = asyncio.Event()
        self.go.set()

    async def complete(self, prompt: Prompt) -> Completion:
        self.calls += 1
        await self.go.wait()
        return Completion(text=prompt.version, usage=CALL, model="second", provider="other")

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:  # noqa: ARG002 - the shape is the port's
        for word in (*["환불", "규정입니다"], ""):
            yield Delta(text=word) if word else Delta(usage=CALL)

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        assert purpose is Purpose.EMBED_QUERY
        return [[1.0, 0.0] for _ in texts], CALL


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'desklore.db'}"
    await asyncio.to_thread(upgrade, url)

    async def send(_: Sequence[Job]) -> None:
        """Nobody runs jobs here."""

    made = SqlDatabase(url, send)
    async with made.directory() as directory:
        for company in ("acme", "bravo"):
            await directory.put_tenant(
                Tenant(company_id=company, name=company, created_at=clock.now(), sealed_data_key=SealedSecret(token="t"))
            )
    yield made
    await made.close()


def _cost_of(_: str, asked: int, said: int) -> Usage:
    return Usage(calls=1, input_tokens=asked, output_tokens=said, unpriced_calls=1)


def _bound(database: SqlDatabase, model: Any, company: str = "acme") -> Models:
    models = Models(summarize=model, generate=model, reason=model, embed=model)
    return BudgetedModels(database, PrometheusMeter(), _cost_of).bind(models, company)


async def _limit(database: SqlDatabase, **limits: Any) -> None:
    async with database.open("acme") as uow:
        await uow.budgets.put(Budget(owner=BudgetOwner.TENANT, limits=Limits(**limits), set_by="key:k", set_at=clock.now()))


async def _booked(database: SqlDatabase, company: str = "acme") -> dict[tuple[str, str, str], Usage]:
    today = clock.now().date()
    async with database.open(company) as uow:
        return {(row.provider, row.model, row.purpose.value): row.usage for row in await uow.usage.list(today, today)}


async def test_calls_are_booked_by_who_made_them(database: SqlDatabase) -> None:
    models = _bound(database, PaidModel())
    await models.generate.complete(PROMPT)
    async for _ in models.generate.stream(PROMPT):
        pass
    await models.embed.embed(["a"], Purpose.EMBED_QUERY)
    booked = await _booked(database)
    assert booked == dict.fromkeys([("other", "second", "answer"), ("openai", "paid", "answer"), ("openai", "paid", "embed_query")], CALL)
    assert await _booked(database, "bravo") == {}


async def test_what_is_kept_of_a_call_is_written_with_its_booking_for_this_tenant_alone(database: SqlDatabase) -> None:
    models = _bound(database, PaidModel())
    chat, embedder = models.summarize, models.embed
    assert isinstance(chat, BookedChat)
    assert isinstance(embedder, BookedEmbedder)
    await chat.complete_and_keep(PROMPT, lambda completion: {"answer": completion.text.encode()})
    await embedder.embed_and_keep(["a"], Purpose.EMBED_QUERY, lambda vectors: {"vector": repr(vectors).encode()})
    assert list((await _booked(database)).values()) == [CALL, CALL]
    async with database.open("acme") as uow:
        assert await uow.usage.get_cached(["answer", "vector"]) == {"answer": PROMPT.version.encode(), "vector": b"[[1.0, 0.0]]"}
    async with database.open("bravo") as uow:
        assert await uow.usage.get_cached(["answer", "vector"]) == {}


async def test_an_answer_of_no_use_is_booked_all_the_same(database: SqlDatabase) -> None:
    chat = _bound(database, PaidModel()).summarize
    assert isinstance(chat, BookedChat)

    def unreadable(_: Completion) -> Any:
        raise AppError(Code.SUMMARY_INVALID, "not JSON")

    with pytest.raises(AppError, match="not JSON"):
        await chat.complete_and_keep(PROMPT, unreadable)
    assert list((await _booked(database)).values()) == [CALL]


async def test_a_used_up_budget_refuses_and_says_until_when(database: SqlDatabase) -> None:
    await _limit(database, daily_usd=0.5)
    paid = PaidModel()
    models = _bound(database, paid)
    await models.generate.complete(PROMPT)
    with pytest.raises(AppError, match="daily limit in US dollars") as refused:
        await models.generate.complete(PROMPT)
    assert refused.value.code is Code.LLM_BUDGET_USED_UP
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= 86_400
    with pytest.raises(AppError):
        await models.embed.embed(["a"], Purpose.EMBED_QUERY)
    with pytest.raises(AppError):
        await anext(aiter(models.generate.stream(PROMPT)))
    assert paid.calls == 1
    await _bound(database, paid, "bravo").generate.complete(PROMPT)
    await _limit(database, daily_usd=9)
    await models.generate.complete(PROMPT)


async def test_calls_at_once_overshoot_by_themselves_only(database: SqlDatabase) -> None:
    await _limit(database, daily_tokens=1)
    paid = PaidModel()
    paid.go.clear()
    models = _bound(database, paid)
    calls = [asyncio.create_task(models.generate.complete(PROMPT)) for _ in range(3)]
    while paid.calls < len(calls):
        await asyncio.sleep(0.001)
    paid.go.set()
    await asyncio.gather(*calls)
    with pytest.raises(AppError):
        await models.generate.complete(PROMPT)
    assert (paid.calls, sum(usage.calls for usage in (await _booked(database)).values())) == (3, 3)


async def test_a_stream_that_is_left_is_booked_by_estimate(database: SqlDatabase) -> None:
    stream: Any = _bound(database, PaidModel()).generate.stream(PROMPT)
    assert (await anext(stream)).text == "환불"
    await stream.aclose()
    [usage] = (await _booked(database)).values()
    assert (usage.calls, usage.known_cost_usd) == (1, None)
    assert usage.input_tokens > usage.output_tokens > 0


async def test_models_of_this_machine_are_free(database: SqlDatabase) -> None:
    await _limit(database, daily_tokens=0)
    offline = OfflineChat(make_tokenizer("bigram"))
    assert _bound(database, offline).generate is offline

"""Models bound to the tenant who pays: a call is admitted while the budget lasts, and booked when it ends, with what is kept of it.

What a call costs is known only afterwards, so those that were admitted together may take the budget past its end by
what they cost, and by no more: the next call sees them booked (docs/decisions/0011-budgets.md).
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.adapters.wrapped import WrappedChat, WrappedEmbedder, WrappedReranker
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.budget import Purpose, Standing, Usage, UsageRow, month_of, standing_of
from backend.core.ports.database import Database
from backend.core.ports.llm import ChatModel, Embedder, Reranker
from backend.core.ports.meter import Meter
from backend.core.ports.services import Models
from backend.core.text.size import estimate_tokens
from backend.core.waiting import to_its_end

CostOf = Callable[[str, int, int], Usage]
"""The Usage of a call: model, tokens in, tokens out."""

FREE: Final = "offline"
"""The provider on this machine: its calls cost nothing and are never refused."""
_NOTHING: Final[Mapping[str, bytes]] = {}
_NAMES: Final = {
    "daily_usd": "the daily limit in US dollars",
    "monthly_usd": "the monthly limit in US dollars",
    "daily_tokens": "the daily limit in tokens",
    "monthly_tokens": "the monthly limit in tokens",
}


class BudgetedModels:
    """Spending by the budgets and the usage in the database, so that all processes and restarts see the same."""

    def __init__(self, database: Database, meter: Meter, cost_of: CostOf) -> None:
        self._database = database
        self._meter = meter
        self._cost_of = cost_of

    def cost_of(self, model: str, input_tokens: int, output_tokens: int) -> Usage:
        """What a call costs by the prices in the settings; `unpriced_calls` where nobody knows."""
        return self._cost_of(model, input_tokens, output_tokens)

    def bind(self, models: Models, company_id: str) -> Models:
        """The same models for this tenant; those on this machine as they are."""
        account = _Account(self._database, self._meter, self._cost_of, company_id)
        return replace(
            models,
            summarize=_bound(models.summarize, account),
            generate=_bound(models.generate, account),
            reason=_bound(models.reason, account),
            embed=models.embed if models.embed.provider == FREE else BudgetedEmbedder(models.embed, account),
            rerank=None if models.rerank is None else BudgetedReranker(models.rerank, account),
        )


class _Account:
    """What one tenant may spend and has spent."""

    def __init__(self, database: Database, meter: Meter, cost_of: CostOf, company_id: str) -> None:
        self._database = database
        self._meter = meter
        self.cost_of = cost_of
        self._company_id = company_id

    async def admit(self, purpose: Purpose) -> None:
        """Raises LLM_BUDGET_USED_UP with the seconds until it begins anew."""
        now = clock.now()
        async with self._database.open(self._company_id) as uow:
            budgets = await uow.budgets.list()
            rows = await uow.usage.list(month_of(now), now.date()) if budgets else []
        standing = standing_of(budgets, rows, now)
        if standing.resumes_at is not None:
            self._meter.count("llm_refused", 1, purpose=purpose.value)
            raise used_up(standing, (standing.resumes_at - now).total_seconds())

    async def book(self, provider: str, model: str, purpose: Purpose, usage: Usage, results: Mapping[str, bytes] = _NOTHING) -> None:
        """Write what a call cost and what is kept of it, both or neither; a caller that is canceled meanwhile has had it all the same."""
        if usage.calls or results:
            row = UsageRow(day=clock.now().date(), provider=provider, model=model, purpose=purpose, usage=usage)
            await to_its_end(self._add(row, results))

    async def _add(self, row: UsageRow, results: Mapping[str, bytes]) -> None:
        async with self._database.open(self._company_id) as uow:
            await uow.usage.put_cached(results, row.purpose)
            # Last: calls that end at once wait for each other from here on, since the day has one row.
            await uow.usage.add([row])


def used_up(standing: Standing, seconds: float) -> AppError:
    """The refusal, in words that tell which limit it is and until when."""
    names = " and ".join(_NAMES[name] for name in standing.reached)
    until = f"{standing.resumes_at:%Y-%m-%d %H:%M} UTC" if standing.resumes_at else ""
    return AppError(
        Code.LLM_BUDGET_USED_UP,
        f"The budget for models is used up ({names}). It begins anew at {until}; an admin can raise it: desklore budget set.",
        details={"reached": list(standing.reached), "resumes_at": standing.resumes_at.isoformat() if standing.resumes_at else None},
        retry_after=max(1.0, seconds),
    )


class BudgetedChat(WrappedChat):
    """A ChatModel on a tenant's account."""

    def __init__(self, chat: ChatModel, account: _Account) -> None:
        super().__init__(chat)
        self._account = account

    async def complete(self, prompt: Prompt) -> Completion:
        """As the model behind it. Also raises LLM_BUDGET_USED_UP."""
        return await self.complete_and_keep(prompt, _nothing)

    async def complete_and_keep(self, prompt: Prompt, results: Callable[[Completion], Mapping[str, bytes]]) -> Completion:
        """Likewise, and what `results` makes of the answer is kept with the booking; see the port."""
        await self._account.admit(prompt.purpose)
        completion = await self._chat.complete(prompt)
        kept = _NOTHING
        try:
            kept = results(completion)
        finally:
            await self._account.book(completion.provider, completion.model, prompt.purpose, completion.usage, kept)
        return completion

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """As the model behind it; a stream that breaks off or that its reader leaves is booked by estimate."""
        await self._account.admit(prompt.purpose)
        stream = self._chat.stream(prompt)
        usage: Usage | None = None
        said = ""
        by = self.provider, self.model
        try:
            async for delta in stream:
                said += delta.text
                if delta.usage is not None:
                    usage = delta.usage if usage is None else usage + delta.usage
                    by = delta.provider or self.provider, delta.model or self.model
                yield delta
        finally:
            # A reader that goes away must free the model's connection now.
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
            if usage is None and said:
                asked = sum(estimate_tokens(message.text) for message in prompt.messages)
                usage = self._account.cost_of(by[1], asked, estimate_tokens(said))
            await self._account.book(*by, prompt.purpose, usage or Usage())


class BudgetedEmbedder(WrappedEmbedder):
    """An Embedder on a tenant's account."""

    def __init__(self, embedder: Embedder, account: _Account) -> None:
        super().__init__(embedder)
        self._account = account

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> tuple[list[list[float]], Usage]:
        """As the embedder behind it. Also raises LLM_BUDGET_USED_UP."""
        return await self.embed_and_keep(texts, purpose, _nothing)

    async def embed_and_keep(
        self, texts: Sequence[str], purpose: Purpose, results: Callable[[list[list[float]]], Mapping[str, bytes]]
    ) -> tuple[list[list[float]], Usage]:
        """Likewise, and what `results` makes of the vectors is kept with the booking."""
        await self._account.admit(purpose)
        vectors, usage = await self._embedder.embed(texts, purpose)
        await self._account.book(self.provider, self.model, purpose, usage, results(vectors))
        return vectors, usage


class BudgetedReranker(WrappedReranker):
    """A Reranker on a tenant's account."""

    def __init__(self, reranker: Reranker, account: _Account) -> None:
        super().__init__(reranker)
        self._account = account

    async def judge(self, question: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """As the model behind it. Also raises LLM_BUDGET_USED_UP."""
        await self._account.admit(Purpose.RERANK)
        scores, usage = await self._reranker.judge(question, texts)
        await self._account.book(self.provider, self.model, Purpose.RERANK, usage)
        return scores, usage


def _nothing(_: Any) -> Mapping[str, bytes]:
    return _NOTHING


def _bound(chat: ChatModel, account: _Account) -> ChatModel:
    return chat if chat.provider == FREE else BudgetedChat(chat, account)

"""What summaries will cost that are not made yet."""

from collections.abc import Sequence
from typing import Final

from backend.core.ingest import summarize
from backend.core.model.budget import Usage
from backend.core.model.document import Document
from backend.core.ports.llm import ChatModel
from backend.core.ports.services import Services
from backend.core.text.size import estimate_tokens

_ANSWER_TOKENS: Final = 300
"""What a summary takes, about."""


async def summaries_to_pay(services: Services, company_id: str, documents: Sequence[Document]) -> Usage:
    """The summaries of these Documents that were not paid for before, by estimate."""
    chat = (await services.models_of(company_id)).summarize
    tasks = [task for document in documents for task in summarize.plan(document, chat)]
    async with services.database.open(company_id) as uow:
        cached = await uow.usage.get_cached([task.key for task in tasks])
    missing = [task for task in tasks if task.key not in cached]
    return price_of(services, chat, len(missing), tokens_asked(missing))


def tokens_asked(tasks: Sequence[summarize.SummaryTask]) -> int:
    """What is asked of a model with these, by estimate."""
    return sum(estimate_tokens(message.text) for task in tasks for message in task.prompt.messages)


def price_of(services: Services, chat: ChatModel, calls: int, asked: int) -> Usage:
    """So many summaries, for which so many tokens are asked. Nothing where the model is our own."""
    if not calls or chat.provider == "offline":
        return Usage()
    used = services.spending.cost_of(chat.model, asked, calls * _ANSWER_TOKENS)
    return Usage(
        calls=calls,
        input_tokens=asked,
        output_tokens=calls * _ANSWER_TOKENS,
        cost_usd=used.cost_usd,
        unpriced_calls=calls if used.unpriced_calls else 0,
    )

"""What a model's call cost goes to the tenant's books, in a transaction of its own."""

from backend.core import clock
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.ports.llm import ChatModel
from backend.core.ports.services import Services


async def book_usage(services: Services, company_id: str, chat: ChatModel, purpose: Purpose, usage: Usage) -> None:
    """Add the usage to the day's figures; nothing is written where no call was made."""
    # Calls of a provider are booked as they are made (`Services.models_of`).
    if not usage.calls or chat.provider != "offline":
        return
    row = UsageRow(day=clock.now().date(), provider=chat.provider, model=chat.model, purpose=purpose, usage=usage)
    async with services.database.open(company_id) as uow:
        await uow.usage.add([row])

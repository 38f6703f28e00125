"""An agent's draft written anew (SPEC F4). Nothing of the tenant's data is read: the text is all there is."""

from collections.abc import AsyncIterator

from backend.core.answer.rewrite import rewrite_text, stream_rewritten
from backend.core.ingest.pipeline.spent import book_usage
from backend.core.model.answer import AnswerEvent, AnswerEventKind
from backend.core.model.budget import Purpose
from backend.core.model.copilot import RewriteInput, Rewritten
from backend.core.ports.services import Services


async def rewrite(services: Services, company_id: str, ask: RewriteInput) -> Rewritten:
    """The text rephrased, shortened, expanded, translated or in another tone; what it cost is booked.

    Raises INVALID_REQUEST, LANGUAGE_MODEL_NEEDED or an LLM_* error.
    """
    chat = (await services.models_of(company_id)).generate
    with services.meter.stage("generate"):
        made = await rewrite_text(ask, chat=chat)
    await book_usage(services, company_id, chat, Purpose.REWRITE, made.usage)
    return made


async def stream_rewrite(services: Services, company_id: str, ask: RewriteInput) -> AsyncIterator[AnswerEvent]:
    """The same as it comes: TOKEN…, DONE with the Rewritten, or ERROR."""
    chat = (await services.models_of(company_id)).generate
    async for event in stream_rewritten(ask, chat=chat):
        if event.kind is AnswerEventKind.DONE:
            await book_usage(services, company_id, chat, Purpose.REWRITE, event.data.usage)
        yield event

"""Summarize anew what another model or another version of the prompt summarized: only when asked, with the price shown first."""

from collections.abc import AsyncIterator
from typing import Final

from msgspec import Struct

from backend.core.errors import AppError, Code
from backend.core.ids import text_hash
from backend.core.ingest import summarize
from backend.core.ingest.pipeline.priced import price_of, tokens_asked
from backend.core.model.budget import Usage
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.job import processing
from backend.core.model.tenant import Caller
from backend.core.ports.services import Services
from backend.core.prompts.summary import MERGE_VERSION, SUMMARY_VERSION

_PAGE: Final = 200


class Resummary(Struct, frozen=True, kw_only=True):
    """What it takes to have every summary by the present model and prompt."""

    model: str
    prompt: str
    documents: int
    """Tickets whose summary is by another model or prompt."""
    cached: int
    """Summaries among those that were paid for before, by this very model and prompt."""
    usage: Usage
    """Of the others, by estimate."""
    confirm: str
    """Send it back to begin; it holds for these figures only."""
    started: bool = False


async def resummarize(services: Services, company_id: str, caller: Caller, *, confirm: str | None = None) -> Resummary:
    """The figures; with their `confirm`, begin. Raises INVALID_REQUEST where the figures have changed since."""
    figures, document_ids = await _look(services, company_id)
    if confirm is None:
        return figures
    if confirm != figures.confirm:
        raise AppError(Code.INVALID_REQUEST, "The figures have changed; look at them again, then confirm those.")
    async with services.database.open(company_id, write=True) as uow:
        await uow.documents.reindex(document_ids, summarize=True)
        details = {"documents": str(figures.documents), "model": figures.model, "prompt": figures.prompt}
        await uow.audit.add(caller.audited("documents.resummarize", company_id, **details))
        if document_ids:
            uow.enqueue(processing(company_id))
    return Resummary(**{name: getattr(figures, name) for name in figures.__struct_fields__ if name != "started"}, started=True)


async def _look(services: Services, company_id: str) -> tuple[Resummary, list[str]]:
    chat = (await services.models_of(company_id)).summarize
    document_ids: list[str] = []
    found = calls = asked = 0
    async for page in _pages(services, company_id):
        tasks = {document.document_id: summarize.plan(document, chat) for document in page}
        async with services.database.open(company_id) as uow:
            cached = await uow.usage.get_cached([task.key for of_one in tasks.values() for task in of_one])
        for document in page:
            mine = tasks[document.document_id]
            if mine and not _present(document, [cached.get(task.key) for task in mine]):
                document_ids.append(document.document_id)
                found += sum(task.key in cached for task in mine)
                missing = [task for task in mine if task.key not in cached]
                calls += len(missing)
                asked += tokens_asked(missing)
    model, prompt = f"{chat.provider}:{chat.model}", f"{SUMMARY_VERSION}/{MERGE_VERSION}"
    figures = Resummary(
        model=model,
        prompt=prompt,
        documents=len(document_ids),
        cached=found,
        usage=price_of(services, chat, calls, asked),
        confirm=text_hash(model, prompt, *sorted(document_ids))[:16],
    )
    return figures, document_ids


def _present(document: Document, kept: list[bytes | None]) -> bool:
    """Whether the Document's summaries are those that the present model and prompt made of it."""
    summaries = {summarize.encode(each) for each in (document.summary, document.internal_summary) if each is not None}
    return all(data is not None and data in summaries for data in kept)


async def _pages(services: Services, company_id: str) -> AsyncIterator[list[Document]]:
    after: str | None = None
    while True:
        async with services.database.open(company_id) as uow:
            page, after = await uow.documents.list(states=[DocState.INDEXED], doc_types=[DocType.TICKET], limit=_PAGE, after=after)
        yield page
        if after is None:
            return

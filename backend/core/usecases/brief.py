"""What an agent sees on opening a ticket (SPEC F2), found once for each state of the ticket, the index and the feedback."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from backend.core.ingest.embed import problem_text
from backend.core.ingest.pipeline.at_hand import fetch_ticket, find_ticket, no_ticket, search_text, stored_ticket, summarized
from backend.core.model.copilot import BriefEvent, BriefSource, OpenedBrief, TicketBrief
from backend.core.model.document import DocState, DocType, Document, Summary
from backend.core.model.search import Filters, Query, Ranking, SearchResult
from backend.core.model.sight import may_see
from backend.core.model.tenant import Caller
from backend.core.ports.services import Services
from backend.core.retrieve.find import CANDIDATES, find, groups_of, narrowed, visible_to

_AT_ONCE = Ranking(rerank=False)
"""Nobody waits for a model to judge what stands beside a ticket."""
KEEP_SECONDS: Final = 600.0
"""A kept brief is found anew after so long at the latest: votes fade with time."""
_VERSION: Final = "brief-2"
_opened = msgspec.json.Decoder(OpenedBrief)


async def open_brief(
    services: Services, company_id: str, caller: Caller, ticket_id: str, *, platform: str | None = None, top_k: int = 5
) -> OpenedBrief | None:
    """What a ticket is about, tickets like it and articles that may answer it; fetched from the helpdesk when unseen.

    The same brief is given again until the ticket, the index or the feedback changes, to callers of the same rights.
    None: the helpdesk takes longer than the policy waits; the ticket is still being fetched, and asking again joins in.
    Raises TICKET_NOT_FOUND where neither the store nor a connected helpdesk has it, or it is not for this caller.
    """
    began = time.perf_counter()
    found = await _at_hand(services, company_id, ticket_id, platform)
    if found is None:
        return None
    document, source = found
    if not may_see(caller, document):
        raise no_ticket(ticket_id)
    cache = services.caches.open(company_id)
    # The key is made before anything is looked for: what changes meanwhile makes another key.
    key = await _key(services, company_id, caller, document, top_k)
    if source is BriefSource.STORE and (kept := await cache.get(key)) is not None:
        services.meter.count("briefs", kept="true")
        return _opened.decode(kept)
    services.meter.count("briefs", kept="false")
    brief, document = await _begun(services, company_id, caller, document, source)
    similar, articles = await asyncio.gather(
        _like(services, company_id, caller, document, doc_type=DocType.TICKET, top_k=top_k),
        _like(services, company_id, caller, document, doc_type=DocType.ARTICLE, top_k=top_k),
    )
    degraded = similar.degraded or articles.degraded
    brief = msgspec.structs.replace(
        brief, similar=similar.hits[:top_k], articles=articles.hits[:top_k], degraded=degraded, took_ms=_ms_since(began)
    )
    opened = OpenedBrief(brief=brief, etag=_etag(brief))
    if (
        source is BriefSource.STORE
        and degraded is None
        and (brief.summary is not None or document.state in (DocState.INDEXED, DocState.SKIPPED))
    ):
        await cache.put(key, msgspec.json.encode(opened), KEEP_SECONDS)
    return opened


async def stream_brief(
    services: Services, company_id: str, caller: Caller, ticket_id: str, *, platform: str | None = None, top_k: int = 5
) -> AsyncGenerator[BriefEvent]:
    """The same in parts as they are found: `ticket`, `summary`, `similar` and `articles` in any order, `done` with the whole."""
    began = time.perf_counter()
    document, source = await find_ticket(services, company_id, caller, ticket_id, platform)
    yield BriefEvent(name="ticket", brief=_of(document, source))
    brief, document = await _begun(services, company_id, caller, document, source)
    yield BriefEvent(name="summary", brief=brief)
    kinds = {"similar": DocType.TICKET, "articles": DocType.ARTICLE}
    tasks = {
        asyncio.ensure_future(_like(services, company_id, caller, document, doc_type=kind, top_k=top_k)): name
        for name, kind in kinds.items()
    }
    try:
        waiting = set(tasks)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                found = task.result()
                degraded = brief.degraded or found.degraded
                brief = msgspec.structs.replace(brief, **{tasks[task]: found.hits[:top_k]}, degraded=degraded)
                yield BriefEvent(name=tasks[task], brief=brief)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    yield BriefEvent(name="done", brief=msgspec.structs.replace(brief, took_ms=_ms_since(began)))


async def _at_hand(services: Services, company_id: str, ticket_id: str, platform: str | None) -> tuple[Document, BriefSource] | None:
    """The ticket, from the helpdesk with its summary; None where that takes too long."""
    document = await stored_ticket(services, company_id, ticket_id, platform)
    if document is not None:
        return document, BriefSource.STORE

    async def fetched() -> Document:
        return await summarized(services, company_id, await fetch_ticket(services, company_id, ticket_id, platform))

    key = f"ticket/{platform or ''}/{ticket_id}"
    document = await services.flights.join(company_id, key, fetched, services.policy.init_wait_seconds, kind=Document)
    return None if document is None else (document, BriefSource.HELPDESK)


async def _begun(
    services: Services, company_id: str, caller: Caller, document: Document, source: BriefSource
) -> tuple[TicketBrief, Document]:
    """The brief with its summary, and the ticket with it."""
    document = await summarized(services, company_id, document)
    return msgspec.structs.replace(_of(document, source), summary=_summary(document, caller)), document


async def _like(services: Services, company_id: str, caller: Caller, document: Document, *, doc_type: DocType, top_k: int) -> SearchResult:
    text = search_text(document, _summary(document, caller), internal=caller.sees_internal)
    filters = narrowed(Filters(exclude_documents=(document.document_id,), doc_types=(doc_type,)), caller)
    indexed = problem_text(document, document.summary) if document.summary else ""
    query = Query(text=text, indexed=indexed, filters=filters, top_k=max(CANDIDATES, top_k), ranking=_AT_ONCE)
    return await find(services, company_id, query)


def _summary(document: Document, caller: Caller) -> Summary | None:
    return (document.internal_summary if caller.sees_internal else None) or document.summary


def _of(document: Document, source: BriefSource) -> TicketBrief:
    return TicketBrief(
        document_id=document.document_id,
        connection_id=document.connection_id,
        platform=document.platform,
        ticket_id=document.original_id,
        title=document.title,
        status=document.status,
        status_label=document.status_label,
        priority=document.priority,
        product=document.product,
        requester=document.requester,
        language=document.language,
        tags=document.tags,
        url=document.url,
        created_at=document.created_at,
        updated_at=document.updated_at,
        took_ms=0.0,
        source=source,
    )


async def _key(services: Services, company_id: str, caller: Caller, document: Document, top_k: int) -> str:
    """Another one whenever the brief could be another: the ticket, the index, the feedback, the caller's rights, the request."""
    index = await services.indexes.open(company_id)
    async with services.database.open(company_id) as uow:
        feedback = await uow.feedback.version()
        calibration = await uow.calibrations.get(index.makers.id)
    ticket = msgspec.json.encode(msgspec.structs.replace(document, parts=()))
    rights = ",".join(visible_to(caller)) or "all"
    groups = msgspec.json.encode(groups_of(caller)).decode()
    weights = msgspec.json.encode(calibration.weights).decode() if calibration else ""
    told = (_VERSION, rights, groups, str(caller.sees_internal), str(top_k), await index.version(), feedback, weights)
    return hashlib.sha256("\n".join(told).encode() + b"\n" + ticket).hexdigest()


def _etag(brief: TicketBrief) -> str:
    """The same for the same content: how long it took this time is not content."""
    content = msgspec.json.encode(msgspec.structs.replace(brief, took_ms=0.0))
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000

"""What an agent sees on opening a ticket (SPEC F2), found once for each state of the ticket, the index and the feedback."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from typing import Final, NamedTuple

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.embed import problem_text
from backend.core.ingest.pipeline.at_hand import fetch_ticket, find_ticket, no_ticket, search_text, stored_ticket, summarized
from backend.core.model.copilot import BriefEvent, BriefSource, OpenedBrief, TicketBrief
from backend.core.model.document import DocState, DocType, Document, Summary
from backend.core.model.search import Filters, Query, Ranking, SearchResult
from backend.core.model.sight import Sight, may_see
from backend.core.model.tenant import Caller
from backend.core.ports.kept_briefs import SETTLE_SECONDS, KeptBriefs, mark_of
from backend.core.ports.services import Services
from backend.core.retrieve.find import CANDIDATES, find, groups_of, narrowed

_AT_ONCE = Ranking(rerank=False)
"""Nobody waits for a model to judge what stands beside a ticket."""
_REST: Final = 9.0
"""So much longer than finding a brief ahead takes is the rest after it: a tenth of a processor at most."""
_NEWEST: Final = 5
"""So many are made ahead after a change where a company changes so often that most are old before anybody opens the ticket."""
_OFTEN: Final = 2
"""That is so once twice as many were made as are wanted, within the window in which they are counted."""


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
    place = await _place(services, company_id, caller, document, top_k)
    if source is BriefSource.STORE and (known := await place.known()) is not None:
        return known
    services.meter.count("briefs", kept="false")
    opened, document = await _found(services, company_id, caller, document, source, top_k=top_k, began=began)
    await place.keep(opened, document)
    return opened


async def prepare_briefs(services: Services, company_id: str) -> float | None:
    """Make the briefs ahead of the newest open tickets, for the usual rights and those that tickets were opened with of late.

    None: they are there, or whoever is still processing Documents sends this again. A number: call again after so many seconds.
    No model is asked; where only one could tell, the brief is left out. Safe to repeat: what is there already costs a look-up.
    """
    kept = _kept(services, company_id)
    if await kept.is_unsettled():
        return SETTLE_SECONDS
    wanted = services.policy.briefs_ahead
    ticket_ids = await _wanted(services, company_id, wanted if await kept.made() < _OFTEN * wanted else min(wanted, _NEWEST))
    if not ticket_ids:
        return None
    standing, sights = await _standing(services, company_id), await kept.sights()
    for ticket_id in ticket_ids:
        for sight in sights:
            began = time.perf_counter()
            async with services.database.open(company_id) as uow:
                document = await uow.documents.get(ticket_id)
            if document is None or document.state is not DocState.INDEXED or not may_see(sight.caller(company_id), document):
                continue
            mark = _mark(standing, sight, document)
            if await kept.has(ticket_id, sight, mark):
                services.meter.count("briefs_ahead", outcome="there")
                continue
            opened = await _ahead(services, company_id, sight, document)
            # One that is old already helps nobody, and what was erased meanwhile must not be kept again.
            if await _standing(services, company_id) != standing:
                await kept.note_unsettled()
                return SETTLE_SECONDS
            services.meter.count("briefs_ahead", outcome="made" if opened else "left_out")
            if opened is not None:
                await kept.put(ticket_id, sight, mark, opened, ahead=True)
                await kept.count_made()
            await asyncio.sleep((time.perf_counter() - began) * _REST)
    return None


async def stream_brief(
    services: Services, company_id: str, caller: Caller, ticket_id: str, *, platform: str | None = None, top_k: int = 5
) -> AsyncGenerator[BriefEvent]:
    """The same in parts as they are found: `ticket`, `summary`, `similar` and `articles` in any order, `done` with the whole.

    What was found before comes in the same parts, all at once.
    """
    began = time.perf_counter()
    document, source = await find_ticket(services, company_id, caller, ticket_id, platform)
    yield BriefEvent(name="ticket", brief=_of(document, source))
    place = await _place(services, company_id, caller, document, top_k)
    if source is BriefSource.STORE and (known := await place.known()) is not None:
        for name in ("summary", "similar", "articles", "done"):
            yield BriefEvent(name=name, brief=known.brief)
        return
    services.meter.count("briefs", kept="false")
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
    opened = _opened(brief, began)
    await place.keep(opened, document)
    yield BriefEvent(name="done", brief=opened.brief)


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


async def _like(
    services: Services, company_id: str, caller: Caller, document: Document, *, doc_type: DocType, top_k: int, ask: bool = True
) -> SearchResult:
    text = search_text(document, _summary(document, caller), internal=caller.sees_internal)
    filters = narrowed(Filters(exclude_documents=(document.document_id,), doc_types=(doc_type,)), caller)
    indexed = problem_text(document, document.summary) if document.summary else ""
    query = Query(text=text, indexed=indexed, filters=filters, top_k=max(CANDIDATES, top_k), ranking=_AT_ONCE)
    return await find(services, company_id, query, ask=ask)


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


async def _wanted(services: Services, company_id: str, most: int) -> list[str]:
    """document_ids of the tickets whose briefs are to be made ahead; none while Documents are on their way, which change what is found."""
    if most == 0:
        return []
    async with services.database.open(company_id) as uow:
        counts = await uow.documents.counts()
        if counts[DocState.PENDING] + counts[DocState.PROCESSING] > await uow.documents.postponed(clock.now()):
            return []
        return await uow.documents.newest_open(most)


async def _ahead(services: Services, company_id: str, sight: Sight, document: Document) -> OpenedBrief | None:
    """The brief as somebody with this sight would open it; None where only a model could tell."""
    began, caller = time.perf_counter(), sight.caller(company_id)
    try:
        opened, _ = await _found(services, company_id, caller, document, BriefSource.STORE, top_k=sight.top_k, began=began, ask=False)
    except AppError as error:
        if error.code is Code.LLM_UNAVAILABLE:
            return None
        raise
    return opened


async def _found(
    services: Services,
    company_id: str,
    caller: Caller,
    document: Document,
    source: BriefSource,
    *,
    top_k: int,
    began: float,
    ask: bool = True,
) -> tuple[OpenedBrief, Document]:
    """The whole brief, and the ticket with its summary."""
    brief, document = await _begun(services, company_id, caller, document, source)
    similar, articles = await asyncio.gather(
        _like(services, company_id, caller, document, doc_type=DocType.TICKET, top_k=top_k, ask=ask),
        _like(services, company_id, caller, document, doc_type=DocType.ARTICLE, top_k=top_k, ask=ask),
    )
    brief = msgspec.structs.replace(
        brief,
        similar=similar.hits[:top_k],
        articles=articles.hits[:top_k],
        degraded=similar.degraded or articles.degraded,
    )
    return _opened(brief, began), document


def _opened(brief: TicketBrief, began: float) -> OpenedBrief:
    brief = msgspec.structs.replace(brief, took_ms=(time.perf_counter() - began) * 1000)
    return OpenedBrief(brief=brief, etag=_etag(brief))


class _Place(NamedTuple):
    """Where the brief of a ticket is kept, as it is now and for this caller's rights."""

    kept: KeptBriefs
    document_id: str
    sight: Sight
    mark: str

    async def known(self) -> OpenedBrief | None:
        return await self.kept.get(self.document_id, self.sight, self.mark)

    async def keep(self, opened: OpenedBrief, document: Document) -> None:
        """Keep it, unless it is of a ticket that is not stored, or could be better a moment later."""
        brief = opened.brief
        whole = brief.summary is not None or document.state in (DocState.INDEXED, DocState.SKIPPED)
        if brief.source is BriefSource.STORE and brief.degraded is None and whole:
            await self.kept.put(self.document_id, self.sight, self.mark, opened)


async def _place(services: Services, company_id: str, caller: Caller, document: Document, top_k: int) -> _Place:
    kept = _kept(services, company_id)
    sight = Sight(internal=caller.sees_internal, groups=groups_of(caller), top_k=top_k)
    await kept.remember(sight)
    # The mark is made before anything is looked for: what changes meanwhile makes another one.
    return _Place(kept, document.document_id, sight, _mark(await _standing(services, company_id), sight, document))


def _kept(services: Services, company_id: str) -> KeptBriefs:
    return KeptBriefs(services.caches.open(company_id), services.meter)


async def _standing(services: Services, company_id: str) -> bytes:
    """Another one whenever something changes that all briefs of the company hang on: the index, the feedback, how both are weighed."""
    index, policy = await services.indexes.open(company_id), services.policy
    async with services.database.open(company_id) as uow:
        feedback = await uow.feedback.version()
        calibration = await uow.calibrations.get(index.makers.id)
    weights = msgspec.json.encode(calibration.weights) if calibration else b""
    weighed = f"{policy.dense_weight} {policy.sparse_weight} {policy.half_life_days}"
    told = (index.makers.id, await index.version(), feedback, weighed)
    return mark_of(*(each.encode() for each in told), weights).encode()


def _mark(standing: bytes, sight: Sight, document: Document) -> str:
    """Another one whenever the brief could be another: what it hangs on, the ticket, the caller's rights, the request."""
    return mark_of(standing, msgspec.json.encode(sight), msgspec.json.encode(msgspec.structs.replace(document, parts=())))


def _etag(brief: TicketBrief) -> str:
    """The same for the same content: how long it took this time is not content."""
    return f'W/"{hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(brief, took_ms=0.0))).hexdigest()[:32]}"'

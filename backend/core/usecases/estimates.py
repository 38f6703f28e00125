"""What a sync would take, found out from the listings alone: nothing is fetched item by item, no model is asked, nothing is written."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct

from backend.core import clock
from backend.core.ingest.pipeline.progress import cursor_scope
from backend.core.ingest.pipeline.sources import open_source
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.document import DocState, DocType
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, ItemRef, Run, RunCounts, RunMode, RunOptions, RunState, Stream
from backend.core.model.ticket import Presence
from backend.core.ports.database import UnitOfWork
from backend.core.ports.llm import ChatModel
from backend.core.ports.required import connection_of
from backend.core.ports.services import Services
from backend.core.ports.source import Source, SourceQuota

LOOK_SECONDS: Final = 40.0
"""So long the listings are read; what has been named by then is told as a lower bound."""
DEFAULT_CALLS: Final = 1.5
"""API calls for one item, until runs of the connection have shown how many it takes."""
DEFAULT_SUMMARY: Final = Usage(calls=1, input_tokens=1_500, output_tokens=300)
"""One summary, until summaries by this model have shown what they take."""
DEFAULT_SUMMARIES: Final = 1.3
"""Summaries of a ticket: one, and another where there are private notes."""
DEFAULT_VECTOR_TOKENS: Final = 800
"""Tokens embedded for one document, until they are known."""
_ENOUGH: Final = 20
"""Fewer items or calls than this say nothing about the next ones."""
_TYPES: Final = {Stream.TICKETS: DocType.TICKET, Stream.ARTICLES: DocType.ARTICLE}
_GONE: Final = (Presence.DELETED, Presence.SPAM, Presence.PURGED)


class Listed(Struct, kw_only=True):
    """What the listings named."""

    tickets: int = 0
    """To read: new, or changed since they were stored."""
    articles: int = 0
    stored_before: int = 0
    """Of those the ones that are stored in an older version: where their words are the same, no model is asked."""
    unchanged: int = 0
    """Stored in this version: not read, nothing paid."""
    complete: bool = True
    """False: the listings go on; every figure is a lower bound."""


class Estimate(Struct, frozen=True, kw_only=True):
    """What a sync would take."""

    listed: Listed
    pending: int
    """Documents that are stored and wait for a model or the index."""
    listing_calls: int
    api_calls: int
    """With those of the listings."""
    calls_limit: int | None
    """Calls a minute by the helpdesk's own word; None where it told nothing."""
    minutes: float | None
    summaries: Usage
    """`unpriced_calls` and not a cost where the model has no price."""
    embeddings: Usage
    learned: tuple[str, ...]
    """Averages from what was done before: `api_calls`, `summaries`, `embeddings`; the others are defaults."""


class _Past(Struct, frozen=True, kw_only=True):
    """What is known from what was done before."""

    pending: int
    """Documents of the connection that wait for a model or the index."""
    indexed: int
    """Documents of the company."""
    runs: Sequence[Run]
    """The connection's last ones."""
    usage: Sequence[UsageRow]
    """The company's of the last 90 days."""


async def estimate_run(services: Services, company_id: str, connection_id: str, options: RunOptions) -> Estimate:
    """Read the listings as a run with these options would. Raises CONNECTION_NOT_FOUND and the source's errors."""
    async with services.database.open(company_id) as uow:
        connection = await connection_of(uow, connection_id)
        past = await _past_of(uow, connection_id)
    source = await open_source(services, company_id, connection, Lane.INCREMENTAL)
    try:
        look = _Look(services, company_id, connection_id, options, source)
        for stream in (each for each in options.streams if each in _TYPES and each in source.capabilities.streams):
            await look.read(stream)
        chat = (await services.models_of(company_id)).summarize
        return _estimate(services, chat, past, look.listed, source.quota)
    finally:
        await source.close()


async def _past_of(uow: UnitOfWork, connection_id: str) -> _Past:
    states, every = await uow.documents.counts(connection_id), await uow.documents.counts()
    today = clock.now().date()
    runs, _ = await uow.sync.list_runs(connection_id, 20)
    return _Past(
        pending=states.get(DocState.PENDING, 0) + states.get(DocState.PROCESSING, 0),
        indexed=every.get(DocState.INDEXED, 0),
        runs=runs,
        usage=await uow.usage.list(today - timedelta(days=90), today),
    )


def _estimate(services: Services, chat: ChatModel, past: _Past, listed: Listed, quota: SourceQuota) -> Estimate:
    each_call = _calls_of(past.runs)
    calls = quota.calls + round((listed.tickets + listed.articles) * (DEFAULT_CALLS if each_call is None else each_call))
    summaries, summaries_known = _summaries(services, chat, past, listed.tickets + past.pending)
    embeddings, embeddings_known = _embeddings(services, past, listed.tickets + listed.articles + past.pending)
    learned = {"api_calls": each_call is not None, "summaries": summaries_known, "embeddings": embeddings_known}
    return Estimate(
        listed=listed,
        pending=past.pending,
        listing_calls=quota.calls,
        api_calls=calls,
        calls_limit=quota.limit,
        minutes=None if not quota.limit else round(calls / (quota.limit * (1 - services.policy.reserved_share)), 4),
        summaries=summaries,
        embeddings=embeddings,
        learned=tuple(name for name, known in learned.items() if known),
    )


class _Look:
    """Reads listings and counts what a run would read."""

    def __init__(self, services: Services, company_id: str, connection_id: str, options: RunOptions, source: Source) -> None:
        self._database = services.database
        self._company_id = company_id
        self._connection_id = connection_id
        self._options = options
        self._source = source
        self._until = time.monotonic() + LOOK_SECONDS
        self.listed = Listed()

    async def read(self, stream: Stream) -> None:
        """One stream, to its end, the limit, or the end of our patience."""
        run = Run(
            run_id="estimate",
            connection_id=self._connection_id,
            state=RunState.QUEUED,
            options=self._options,
            counts=RunCounts(),
            created_at=clock.now(),
        )
        async with self._database.open(self._company_id) as uow:
            cursor = await uow.sync.get_cursor(self._connection_id, stream, cursor_scope(run)) or Cursor(stream=stream)
        named: set[str] = set()
        while True:
            listing = await self._source.list_changes(cursor, self._options)
            refs = [ref for ref in listing.refs if ref.presence not in _GONE and ref.original_id not in named]
            named.update(ref.original_id for ref in refs)
            await self._count(stream, refs)
            if listing.last or (self._options.limit is not None and len(named) >= self._options.limit):
                return
            if time.monotonic() > self._until:
                self.listed.complete = False
                return
            cursor = listing.next

    async def _count(self, stream: Stream, refs: Sequence[ItemRef]) -> None:
        async with self._database.open(self._company_id) as uow:
            known = await uow.documents.versions(self._connection_id, _TYPES[stream], [ref.original_id for ref in refs])
        again = self._options.mode is RunMode.REFRESH
        changed = [ref for ref in refs if again or known.get(ref.original_id, ("", ""))[0] != ref.version]
        self.listed.unchanged += len(refs) - len(changed)
        self.listed.stored_before += sum(ref.original_id in known for ref in changed)
        if stream is Stream.TICKETS:
            self.listed.tickets += len(changed)
        else:
            self.listed.articles += len(changed)


def _calls_of(runs: Sequence[Run]) -> float | None:
    """API calls for one stored item in this connection's runs, listings included; None while there were too few."""
    read = [run for run in runs if run.options.mode is not RunMode.REBUILD]
    ended = [run.counts for run in read if run.state is RunState.COMPLETED and run.counts.stored >= _ENOUGH]
    stored = sum(counts.stored for counts in ended)
    return sum(counts.api_calls for counts in ended) / stored if stored else None


def _summaries(services: Services, chat: ChatModel, past: _Past, tickets: int) -> tuple[Usage, bool]:
    """Summaries of so many tickets by the company's model, and whether that is learned."""
    if chat.provider == "offline":
        return Usage(), True
    used = _used(past, Purpose.SUMMARY, chat.model)
    ended = [run.counts for run in past.runs if run.counts.llm_calls >= _ENOUGH]
    stored = sum(counts.stored for counts in ended)
    known = used.calls >= _ENOUGH and stored > 0
    one = used if known else DEFAULT_SUMMARY
    calls = round(tickets * (sum(counts.llm_calls for counts in ended) / stored if known else DEFAULT_SUMMARIES))
    return _priced(services, chat.model, calls, (one.input_tokens / one.calls, one.output_tokens / one.calls)), known


def _embeddings(services: Services, past: _Past, documents: int) -> tuple[Usage, bool]:
    """Vectors of so many documents, and whether that is learned."""
    embedder = services.models.embed
    if embedder.provider == "offline" or services.policy.dense_weight <= 0:
        return Usage(), True
    used = _used(past, Purpose.EMBED_DOCUMENT, embedder.model)
    known = used.input_tokens > 0 and past.indexed >= _ENOUGH
    return _priced(services, embedder.model, documents, (used.input_tokens / past.indexed if known else DEFAULT_VECTOR_TOKENS, 0.0)), known


def _used(past: _Past, purpose: Purpose, model: str) -> Usage:
    return sum((row.usage for row in past.usage if row.purpose is purpose and row.model == model), Usage())


def _priced(services: Services, model: str, calls: int, tokens: tuple[float, float]) -> Usage:
    if not calls:
        return Usage()
    used = services.spending.cost_of(model, round(calls * tokens[0]), round(calls * tokens[1]))
    return Usage(
        calls=calls,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=used.cost_usd,
        unpriced_calls=calls if used.unpriced_calls else 0,
    )

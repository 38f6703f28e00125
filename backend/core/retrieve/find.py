"""Search and rank as everybody gets it: what an answer, a ticket's brief, a reply and an evaluation rest on."""

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.article import Visibility
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.feedback import Feedback
from backend.core.model.search import Filters, Hit, Query, Ranking, SearchResult
from backend.core.model.tenant import Caller
from backend.core.ports.llm import Embedder
from backend.core.ports.services import Encoders, Policy, Services
from backend.core.ports.vectors import VectorIndex
from backend.core.retrieve.coverage import rarity
from backend.core.retrieve.question import Meant, question_vector
from backend.core.retrieve.rank import question_tokens, rank
from backend.core.retrieve.rerank import not_judged, rerank, rerank_by
from backend.core.retrieve.search import search, weights_of
from backend.core.text.language import detect_language

CUSTOMER_SAFE = (Visibility.PUBLIC, Visibility.RESTRICTED, Visibility.CONVERSATION)
"""What may reach somebody without `internal:read`, and what a reply to a customer may rest on."""
CANDIDATES = 30
"""Documents that are ranked at least, however few are shown: a thumb may lift one from below."""


async def find(services: Services, company_id: str, query: Query, *, ask: bool = True) -> SearchResult:
    """Documents of this tenant in the order people found helpful; what finding them cost is booked.

    Where the embedder fails, the question's words still find what is there, and `degraded` says why they did so alone. Without
    `ask` no provider is asked for the question's vector, and where it is not known nothing is looked for.
    Raises INVALID_REQUEST, the Embedder's LLM_* errors where words don't weigh, LLM_UNAVAILABLE where it may not be asked, and the index's.
    """
    began = time.perf_counter()
    index, encoders = await _searched(services, company_id)
    policy = services.policy if encoders.embed is not None else replace(services.policy, dense_weight=0.0)
    policy, ranking = await _calibrated(services, company_id, index, query, policy)
    with services.meter.stage("search"):
        dense_weight, sparse_weight = weights_of(ranking, policy)
        meant = Meant(vector=None)
        if encoders.embed is not None and dense_weight > 0:
            meant = await question_vector(services, company_id, encoders.embed, query.text, indexed=query.indexed, ask=ask)
        if meant.missing is not None:
            if sparse_weight <= 0 or not ask:
                raise meant.missing
            services.meter.count("searches_degraded", 1, code=meant.missing.code.value)
        ranked = msgspec.structs.replace(query, ranking=ranking)
        result = await search(ranked, index=index, dense=meant.vector, encoder=encoders.encoder, policy=policy)
        async with services.database.open(company_id) as uow:
            wanted = [hit.document_id for hit in result.hits] if query.ranking.feedback else []
            feedback = await uow.feedback.of_documents(wanted)
            if meant.usage.calls and encoders.embed is not None:
                await uow.usage.add([_row(encoders.embed, meant.usage)])
        rare = await _rarity(index, query.text, feedback)
        half_life = policy.half_life_days if query.ranking.half_life_days is None else query.ranking.half_life_days
        hits = rank(result.hits, feedback, now=clock.now(), query=query.text, rarity=rare, half_life_days=half_life)
        if query.ranking.rerank and policy.rerank_hits and result.answerable:
            hits = await _judged(services, company_id, query.text, hits)
        degraded = meant.missing and meant.missing.code
        return msgspec.structs.replace(result, hits=tuple(hits), degraded=degraded, took_ms=(time.perf_counter() - began) * 1000)


def _row(embedder: Embedder, usage: Usage) -> UsageRow:
    day = clock.now().date()
    return UsageRow(day=day, provider=embedder.provider, model=embedder.model, purpose=Purpose.EMBED_QUERY, usage=usage)


async def _judged(services: Services, company_id: str, question: str, hits: list[Hit]) -> list[Hit]:
    """The hits as a model judges them; as they stood where there is none, or it fails: a worse order is better than no answer."""
    models, most = await services.models_of(company_id), services.policy.rerank_hits
    if models.rerank is None and models.reason.provider == "offline":
        return hits
    try:
        with services.meter.stage("rerank"):
            if models.rerank is not None:
                return await rerank_by(hits, question, models.rerank, most)
            return await rerank(hits, question, models.reason, most)
    except AppError as error:
        services.meter.count("rerank_failures", 1, code=error.code.value)
        return not_judged(hits, most, error.code)


async def _searched(services: Services, company_id: str) -> tuple[VectorIndex, Encoders]:
    """The index to ask, and what makes a question's vectors for it."""
    index = await services.indexes.open(company_id)
    encoders = await services.encoders_of(company_id, index.makers)
    if encoders is None:
        # Nothing can ask the older one any more: the new one answers as far as it has come.
        index = await services.indexes.building(company_id) or index
        encoders = await services.encoders_of(company_id, index.makers) or Encoders(encoder=services.encoder)
    return index, encoders


async def _rarity(index: VectorIndex, query: str, feedback: Sequence[Feedback]) -> dict[int, float]:
    if not feedback:
        return {}
    tokens = question_tokens(query, feedback)
    points, frequencies = await index.frequencies(sorted(tokens))
    return rarity(points, frequencies, tokens)


async def _calibrated(services: Services, company_id: str, index: VectorIndex, query: Query, policy: Policy) -> tuple[Policy, Ranking]:
    """The policy with the tenant's own thresholds, and the ranking with its weights for the question's language."""
    ranking = query.ranking
    async with services.database.open(company_id) as uow:
        found = await uow.calibrations.get(index.makers.id)
    if found is None:
        return policy, ranking
    own = found.weights.get(detect_language(query.text)) if found.weights else None
    if own is not None and ranking.dense_weight is None and ranking.sparse_weight is None and policy.dense_weight > 0:
        ranking = msgspec.structs.replace(ranking, dense_weight=own.dense, sparse_weight=own.sparse)
    cosine = policy.answer_min_cosine if found.min_cosine is None else found.min_cosine
    return replace(policy, answer_min_coverage=found.min_support, answer_min_cosine=cosine), ranking


def visible_to(caller: Caller) -> tuple[Visibility, ...]:
    """What this caller may see; empty: everything."""
    return () if caller.sees_internal else CUSTOMER_SAFE


def groups_of(caller: Caller) -> tuple[str, ...] | None:
    """Of which groups this caller may see tickets; None: of all."""
    return None if caller.groups is None else tuple(sorted(caller.groups))


def narrowed(filters: Filters, caller: Caller) -> Filters:
    """The filters within what the caller may see. Raises FORBIDDEN where nothing of what was asked for is left."""
    filters = msgspec.structs.replace(filters, ticket_groups=groups_of(caller))
    visible = visible_to(caller)
    if not visible:
        return filters
    wanted = tuple(v for v in filters.visibilities if v in visible) if filters.visibilities else visible
    if not wanted:
        # An empty filter would mean everything.
        raise AppError(Code.FORBIDDEN, "Private notes and agents-only articles need a key with the scope internal:read.")
    return msgspec.structs.replace(filters, visibilities=wanted)

"""Find the Documents that speak about a question, and say whether any of them can answer it."""

import time
from asyncio import gather
from collections.abc import Sequence

from msgspec import structs

from backend.core.errors import AppError, Code
from backend.core.model.search import Found, Hit, Query, Ranking, SearchResult, VectorQuery, Why
from backend.core.ports.services import Policy
from backend.core.ports.vectors import VectorIndex
from backend.core.retrieve.coverage import Word, coverage, covered, question_words, rarity, support, weigh
from backend.core.retrieve.twins import without_twins
from backend.core.text.sparse import SparseEncoder

# Points asked of the index for one wanted Document: several chunks of one often stand together.
_POINTS_PER_DOCUMENT = 4
_LEAST_POINTS = 40
# What is listed for a question that nothing answers comes so near to the thresholds.
_NEARLY_SUPPORT = 0.25
_NEARLY_COSINE = 0.1
_WEAK = "too little in common for an answer"


async def search(query: Query, *, index: VectorIndex, dense: list[float] | None, encoder: SparseEncoder, policy: Policy) -> SearchResult:
    """Documents in order, each with its best chunk; without the question's vector (`dense`) its words alone find them.

    Raises INVALID_REQUEST, and the index's errors.
    """
    began = time.perf_counter()
    dense_weight, sparse_weight = weights_of(query.ranking, policy)
    asked = VectorQuery(
        dense=dense,
        sparse=encoder.query(query.text),
        dense_weight=dense_weight,
        sparse_weight=sparse_weight,
        limit=max(_LEAST_POINTS, _POINTS_PER_DOCUMENT * (query.offset + query.top_k)),
        filters=query.filters,
    )
    asked_words = question_words(query.text, encoder.tokenizer)
    tokens = {token for word in asked_words for token in word.tokens}
    found, (points, frequencies) = await gather(index.search(asked), index.frequencies(sorted(tokens)))
    idf = rarity(points, frequencies, tokens)
    words = weigh(asked_words, idf)
    groups = _by_document(found)
    supports = [support([one.point.sparse for one in group], idf, points) for group in groups]
    every = ((_hit(group, words, firm), group[0].point.sparse.indices) for group, firm in zip(groups, supports, strict=True))
    hits = without_twins(every, query.offset + query.top_k)
    firmest = max(supports, default=0.0)
    nearest = max((one.cosine for one in found if one.cosine is not None), default=None)
    answerable = firmest >= policy.answer_min_coverage or (nearest is not None and nearest >= policy.answer_min_cosine)
    if not answerable and not query.weak:
        hits = [structs.replace(hit, explanation=(*hit.explanation, _WEAK)) for hit in hits if _may_matter(hit, policy)]
    return SearchResult(
        hits=tuple(hits[query.offset : query.offset + query.top_k]),
        answerable=answerable,
        took_ms=(time.perf_counter() - began) * 1000,
        support=round(firmest, 4),
        cosine=nearest,
    )


def weights_of(ranking: Ranking, policy: Policy) -> tuple[float, float]:
    """Of dense and sparse: as asked for, else as the installation is set. Raises INVALID_REQUEST."""
    dense = policy.dense_weight if ranking.dense_weight is None else ranking.dense_weight
    sparse = policy.sparse_weight if ranking.sparse_weight is None else ranking.sparse_weight
    if dense > 0 and policy.dense_weight <= 0:
        raise AppError(
            Code.INVALID_REQUEST,
            "The index has no dense vectors: DESKLORE_DENSE_WEIGHT is 0, as for the offline embedder. Set it and restart to have them.",
        )
    if dense <= 0 and sparse <= 0:
        raise AppError(Code.INVALID_REQUEST, "Both weights are 0, so nothing can be found; give one of them a weight.")
    return dense, sparse


def _by_document(found: Sequence[Found]) -> list[list[Found]]:
    """Points of one Document together, best first; Documents in the order of their best point."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(one.point.chunk.document_id, []).append(one)
    return list(groups.values())


def _hit(group: Sequence[Found], words: Sequence[Word], firm: float) -> Hit:
    best = group[0].point
    present = covered(words, _tokens(group))
    share = coverage(words, present)
    explanation = [f"{len(present)} of {len(words)} words of the question matched"] if words else []
    cosine = max((one.cosine for one in group if one.cosine is not None), default=None)
    if cosine is not None:
        explanation.append(f"meaning is near (cosine {cosine:.2f})")
    if len(group) > 1:
        explanation.append(f"{len(group)} parts of it match")
    return Hit(
        document_id=best.chunk.document_id,
        doc_type=best.doc_type,
        platform=best.platform,
        original_id=best.original_id,
        title=best.title,
        url=best.url,
        status=best.status,
        language=best.language,
        updated_at=best.updated_at,
        chunk=best.chunk,
        other_chunks=tuple(one.point.chunk for one in group[1:]),
        score=group[0].score,
        coverage=round(share, 4),
        explanation=tuple(explanation),
        why=Why(
            matched=tuple(word.text for word in present),
            missing=tuple(word.text for word in words if word not in present),
            dense_rank=min((one.dense_rank for one in group if one.dense_rank is not None), default=None),
            cosine=cosine,
            sparse_rank=min((one.sparse_rank for one in group if one.sparse_rank is not None), default=None),
            sparse_score=max((one.sparse_score for one in group if one.sparse_score is not None), default=None),
            fused=group[0].score,
            support=round(firm, 4),
        ),
    )


def _may_matter(hit: Hit, policy: Policy) -> bool:
    """Where nothing answers the question, what is nowhere near it isn't shown as if it were."""
    by_meaning = hit.why.cosine is not None and hit.why.cosine >= policy.answer_min_cosine - _NEARLY_COSINE
    return by_meaning or (bool(hit.why.matched) and hit.why.support >= _NEARLY_SUPPORT * policy.answer_min_coverage)


def _tokens(group: Sequence[Found]) -> set[int]:
    return set().union(*(one.point.sparse.indices for one in group))

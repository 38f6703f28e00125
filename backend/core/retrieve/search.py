"""Find the Documents that speak about a question, and say whether any of them can answer it."""

import time
from collections.abc import Sequence

from backend.core.model.budget import Purpose, Usage
from backend.core.model.search import Found, Hit, Query, SearchResult, VectorQuery
from backend.core.ports.llm import Embedder
from backend.core.ports.services import Policy
from backend.core.ports.vectors import VectorIndex
from backend.core.retrieve.coverage import Word, coverage, covered, question_words, weigh
from backend.core.text.sparse import SparseEncoder

# Points asked of the index for one wanted Document: several chunks of one often stand together.
_POINTS_PER_DOCUMENT = 4
_LEAST_POINTS = 40


async def search(
    query: Query, *, index: VectorIndex, embedder: Embedder, encoder: SparseEncoder, policy: Policy
) -> tuple[SearchResult, Usage]:
    """Documents in order, each with its best chunk, and what finding them cost.

    Raises the Embedder's LLM_* errors where dense vectors weigh, and the index's.
    """
    began = time.perf_counter()
    dense, usage = await _embed(query.text, embedder, policy)
    asked = VectorQuery(
        dense=dense,
        sparse=encoder.query(query.text),
        dense_weight=policy.dense_weight,
        sparse_weight=policy.sparse_weight,
        limit=max(_LEAST_POINTS, _POINTS_PER_DOCUMENT * (query.offset + query.top_k)),
        filters=query.filters,
    )
    found = await index.search(asked)
    words = question_words(query.text, encoder.tokenizer)
    points, frequencies = await index.frequencies([token for word in words for token in word.tokens])
    words = weigh(words, points, frequencies)
    hits = _without_twins([_hit(group, words) for group in _by_document(found)])
    answerable = _answerable(hits, found, policy)
    page = tuple(hits[query.offset : query.offset + query.top_k])
    return SearchResult(hits=page, answerable=answerable, took_ms=(time.perf_counter() - began) * 1000), usage


async def _embed(text: str, embedder: Embedder, policy: Policy) -> tuple[list[float] | None, Usage]:
    if policy.dense_weight <= 0 or not text.strip():
        return None, Usage()
    vectors, usage = await embedder.embed([text], Purpose.EMBED_QUERY)
    return vectors[0], usage


def _by_document(found: Sequence[Found]) -> list[list[Found]]:
    """Points of one Document together, best first; Documents in the order of their best point."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(one.point.chunk.document_id, []).append(one)
    return list(groups.values())


def _hit(group: Sequence[Found], words: Sequence[Word]) -> Hit:
    best = group[0].point
    tokens = {token for one in group for token in one.point.sparse.indices}
    present = covered(words, tokens)
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
        coverage=round(coverage(words, present), 4),
        explanation=tuple(explanation),
    )


def _without_twins(hits: Sequence[Hit]) -> list[Hit]:
    """Without Documents that show the same title and text as a better one: a customer sent it twice, a page was copied."""
    kept: dict[tuple[str, str], Hit] = {}
    for hit in hits:
        kept.setdefault((hit.title.strip().casefold(), hit.chunk.text.strip()), hit)
    return list(kept.values())


def _answerable(hits: Sequence[Hit], found: Sequence[Found], policy: Policy) -> bool:
    """By coverage; with semantic vectors a near enough meaning is sufficient too."""
    if any(hit.coverage >= policy.answer_min_coverage for hit in hits):
        return True
    cosines = [one.cosine for one in found if one.cosine is not None]
    return bool(cosines) and max(cosines) >= policy.answer_min_cosine

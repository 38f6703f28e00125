"""Find the Documents that speak about a question, and say whether any of them can answer it."""

import time
from collections.abc import Sequence

from backend.core.model.budget import Purpose, Usage
from backend.core.model.search import Found, Hit, Query, SearchResult, VectorQuery
from backend.core.ports.llm import Embedder
from backend.core.ports.services import Policy
from backend.core.ports.vectors import VectorIndex
from backend.core.retrieve.coverage import Word, coverage, covered, question_words, support, weigh
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
    groups = _by_document(found)
    hits = _without_twins([_hit(group, words) for group in groups])
    answerable = any(_answers(group, words, points, policy) for group in groups)
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
    present = covered(words, _tokens(group))
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


def _answers(group: Sequence[Found], words: Sequence[Word], points: int, policy: Policy) -> bool:
    """By the words it has in common with the question; with semantic vectors a near enough meaning is sufficient too."""
    if any(one.cosine is not None and one.cosine >= policy.answer_min_cosine for one in group):
        return True
    present = covered(words, _tokens(group))
    return support(coverage(words, present), present, points) >= policy.answer_min_coverage


def _tokens(group: Sequence[Found]) -> set[int]:
    return {token for one in group for token in one.point.sparse.indices}

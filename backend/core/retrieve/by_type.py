"""What was found for a question, a list for each type: many tickets on a word leave the places of the few articles alone."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import structs

from backend.core.model.copilot import FoundByType
from backend.core.model.document import DocType
from backend.core.model.search import Filters, Hit, Query, SearchResult
from backend.core.model.upload import FILE_PLATFORM
from backend.core.ports.services import Services
from backend.core.retrieve.find import CANDIDATES, find

_MORE: Final = 2
"""Each further search of a type asks for so many times the Documents of the one before."""
_MOST: Final = 32 * CANDIDATES
"""No search of a type asks for more Documents: the last page there is ends before."""


async def find_by_type(services: Services, company_id: str, query: Query, result: SearchResult, *, offset: int, top_k: int) -> FoundByType:
    """The page of each type: what `query` found (`result`), then what a search for that type alone finds.

    `query` has its caller's filters and rights already; nothing is looked for outside of them. Where the sources don't answer
    the question, nothing more is looked for. Attachments are no type and are only those of `result`.
    Raises what `find` raises.
    """
    end = offset + top_k
    # No model judges the further ones, and an embedder that failed just now is not waited for again.
    dense_weight = 0.0 if result.degraded else query.ranking.dense_weight
    again = structs.replace(query, ranking=structs.replace(query.ranking, rerank=False, dense_weight=dense_weight))

    async def listed(belongs: Callable[[Hit], bool], filters: Filters | None) -> tuple[Hit, ...]:
        hits = [hit for hit in result.hits if belongs(hit)]
        if filters is not None and result.answerable and len(hits) < end:
            hits = await _filled(services, company_id, structs.replace(again, filters=filters), hits, belongs=belongs, end=end)
        return tuple(hits[offset:end])

    tickets, articles, documents = await asyncio.gather(
        listed(_is_ticket, _tickets(query.filters)),
        listed(_is_article, _articles(query.filters)),
        listed(_is_document, _documents(query.filters)),
    )
    attachments = tuple(hit for hit in result.hits if hit.chunk.kind == "attachment")
    return FoundByType(tickets=tickets, articles=articles, documents=documents, attachments=attachments[offset:end])


async def _filled(
    services: Services, company_id: str, query: Query, hits: list[Hit], *, belongs: Callable[[Hit], bool], end: int
) -> list[Hit]:
    """The hits and behind them those of searches for this type alone, until there are `end` or no more.

    The searches are the same whatever the page is, only as many as it needs, so that the next page goes on where this one ends.
    """
    filled, seen = list(hits), {hit.document_id for hit in hits}
    wanted, chunks = CANDIDATES, 0
    while len(filled) < end and wanted <= _MOST:
        found = await find(services, company_id, structs.replace(query, top_k=wanted, weak=False))
        filled += [hit for hit in found.hits if hit.document_id not in seen and belongs(hit)]
        seen.update(hit.document_id for hit in found.hits)
        before, chunks = chunks, sum(1 + len(hit.other_chunks) for hit in found.hits)
        if chunks < wanted or chunks == before:
            break
        wanted *= _MORE
    return filled


def _is_ticket(hit: Hit) -> bool:
    return hit.doc_type is DocType.TICKET


def _is_article(hit: Hit) -> bool:
    return hit.doc_type is DocType.ARTICLE and hit.platform != FILE_PLATFORM


def _is_document(hit: Hit) -> bool:
    return hit.doc_type is DocType.UPLOAD or (hit.doc_type is DocType.ARTICLE and hit.platform == FILE_PLATFORM)


def _tickets(filters: Filters) -> Filters | None:
    return _of_types(filters, DocType.TICKET)


def _articles(filters: Filters) -> Filters | None:
    if not filters.platforms:
        return _of_types(structs.replace(filters, exclude_platforms=(*filters.exclude_platforms, FILE_PLATFORM)), DocType.ARTICLE)
    platforms = tuple(each for each in filters.platforms if each != FILE_PLATFORM)
    return _of_types(structs.replace(filters, platforms=platforms), DocType.ARTICLE) if platforms else None


def _documents(filters: Filters) -> Filters | None:
    if filters.platforms and FILE_PLATFORM not in filters.platforms:
        return None
    return _of_types(structs.replace(filters, platforms=(FILE_PLATFORM,)), DocType.ARTICLE, DocType.UPLOAD)


def _of_types(filters: Filters, *doc_types: DocType) -> Filters | None:
    """The filters for these types alone; None where they let none of them through, for an empty filter would mean everything."""
    wanted = tuple(each for each in doc_types if not filters.doc_types or each in filters.doc_types)
    return structs.replace(filters, doc_types=wanted) if wanted else None

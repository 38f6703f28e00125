"""Searching without an answer: what was found, in which order and why."""

import msgspec

from backend.core.errors import AppError, Code
from backend.core.model.search import Query, SearchResult
from backend.core.model.tenant import Caller
from backend.core.ports.services import Services
from backend.core.retrieve.find import find, narrowed

_CANDIDATES = 30
"""Documents that are ranked at least: a thumb may lift one from below the page that was asked for."""


async def search_documents(services: Services, company_id: str, caller: Caller, query: Query) -> SearchResult:
    """A page of the Documents found for a question, best first, each with its `why`.

    Raises QUESTION_TOO_LONG, FORBIDDEN, INVALID_REQUEST or an LLM_* error.
    """
    limit = services.policy.question_max_chars
    if len(query.text) > limit:
        raise AppError(Code.QUESTION_TOO_LONG, f"The question has {len(query.text):,} characters; ask with at most {limit:,}.")
    end = query.offset + query.top_k
    wanted = msgspec.structs.replace(query, filters=narrowed(query.filters, caller), offset=0, top_k=max(_CANDIDATES, end))
    result = await find(services, company_id, wanted)
    return msgspec.structs.replace(result, hits=result.hits[query.offset : end])

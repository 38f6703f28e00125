"""Search without an answer (SPEC F1)."""

from fastapi import APIRouter

from backend.api.deps import QueryCaller, ServicesDep
from backend.api.errors import LLM, problems
from backend.api.routes import API
from backend.api.schemas.search import SearchIn, SearchOut
from backend.core.errors import Code
from backend.core.model.search import Query, Ranking, SearchResult
from backend.core.usecases import search

router = APIRouter(prefix=f"{API}/search", tags=["copilot"])


@router.post("", response_model=SearchOut, responses=problems(Code.QUESTION_TOO_LONG, *LLM, body=True))
async def search_documents(body: SearchIn, services: ServicesDep, caller: QueryCaller) -> SearchResult:
    """Documents for a question, best first, each with why it stands where it stands; no model writes anything."""
    query = Query(
        text=body.query,
        filters=body.filters.as_filters(),
        top_k=body.top_k,
        offset=body.offset,
        ranking=Ranking(dense_weight=body.ranking.dense_weight, sparse_weight=body.ranking.sparse_weight, feedback=body.ranking.feedback),
    )
    return await search.search_documents(services, caller.company_id, caller, query)

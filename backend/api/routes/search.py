"""Search without an answer (SPEC F1)."""

from fastapi import APIRouter

from backend.api.deps import IngestCaller, QueryCaller, ServicesDep
from backend.api.errors import LLM, problems
from backend.api.routes import API
from backend.api.schemas.search import CalibrationIn, CalibrationOut, SearchIn, SearchOut
from backend.core.errors import Code
from backend.core.model.search import Calibration, Query, Ranking, SearchResult, Weights
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
        ranking=Ranking(
            dense_weight=body.ranking.dense_weight,
            sparse_weight=body.ranking.sparse_weight,
            feedback=body.ranking.feedback,
            half_life_days=body.ranking.half_life_days,
            rerank=body.ranking.rerank,
        ),
    )
    return await search.search_documents(services, caller.company_id, caller, query)


@router.get("/calibration", response_model=CalibrationOut, responses=problems())
async def get_calibration(services: ServicesDep, caller: QueryCaller) -> Calibration:
    """From where on the sources are said to answer, and what meaning and words count for; with `questions` 0 as the installation is set."""
    return await search.get_calibration(services, caller.company_id)


@router.put("/calibration", response_model=CalibrationOut, responses=problems(body=True))
async def set_calibration(body: CalibrationIn, services: ServicesDep, caller: IngestCaller) -> Calibration:
    """Keep thresholds and weights that were found with questions of your own (`desklore eval --calibrate`)."""
    given = search.CalibrationInput(
        min_support=body.min_support,
        min_cosine=body.min_cosine,
        kept=body.kept,
        refused=body.refused,
        questions=body.questions,
        weights={language: Weights(dense=each.dense, sparse=each.sparse) for language, each in body.weights.items()},
    )
    return await search.set_calibration(services, caller.company_id, caller, given)


@router.delete("/calibration", status_code=204, responses=problems())
async def delete_calibration(services: ServicesDep, caller: IngestCaller) -> None:
    """Back to the installation's thresholds and weights."""
    await search.delete_calibration(services, caller.company_id, caller)

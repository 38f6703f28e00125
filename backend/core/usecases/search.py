"""Searching without an answer: what was found, in which order and why."""

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.search import Calibration, Query, SearchResult, Weights
from backend.core.model.tenant import Caller
from backend.core.ports.services import Services
from backend.core.retrieve.find import CANDIDATES, find, narrowed


async def search_documents(services: Services, company_id: str, caller: Caller, query: Query) -> SearchResult:
    """A page of the Documents found for a question, best first, each with its `why`.

    Raises QUESTION_TOO_LONG, FORBIDDEN, INVALID_REQUEST or an LLM_* error.
    """
    limit = services.policy.question_max_chars
    if len(query.text) > limit:
        raise AppError(Code.QUESTION_TOO_LONG, f"The question has {len(query.text):,} characters; ask with at most {limit:,}.")
    end = query.offset + query.top_k
    wanted = msgspec.structs.replace(query, filters=narrowed(query.filters, caller), offset=0, top_k=max(CANDIDATES, end), weak=False)
    result = await find(services, company_id, wanted)
    return msgspec.structs.replace(result, hits=result.hits[query.offset : end])


class CalibrationInput(Struct, frozen=True, kw_only=True):
    """Thresholds and weights, and what the thresholds did with the questions they were found with."""

    min_support: float
    min_cosine: float | None = None
    kept: float
    refused: float
    questions: int
    weights: dict[str, Weights] = {}


async def get_calibration(services: Services, company_id: str) -> Calibration:
    """The thresholds and weights in force: the tenant's own, else the installation's (then `questions` is 0)."""
    made_by = (await services.indexes.open(company_id)).makers
    async with services.database.open(company_id) as uow:
        found = await uow.calibrations.get(made_by.id)
    if found is not None:
        return found
    policy = services.policy
    return Calibration(
        made_by=made_by.id,
        min_support=policy.answer_min_coverage,
        min_cosine=policy.answer_min_cosine if made_by.dense and policy.dense_weight > 0 else None,
        kept=0.0,
        refused=0.0,
        questions=0,
        at=clock.now(),
    )


async def set_calibration(services: Services, company_id: str, caller: Caller, given: CalibrationInput) -> Calibration:
    """Keep the tenant's own thresholds and weights for what makes its vectors now."""
    made_by = (await services.indexes.open(company_id)).makers.id
    calibration = Calibration(made_by=made_by, at=clock.now(), **msgspec.structs.asdict(given))
    async with services.database.open(company_id) as uow:
        await uow.calibrations.put(calibration)
        await uow.audit.add(caller.audited("calibration.set", calibration.made_by))
    return calibration


async def delete_calibration(services: Services, company_id: str, caller: Caller) -> None:
    """Back to the installation's thresholds and weights."""
    made_by = (await services.indexes.open(company_id)).makers.id
    async with services.database.open(company_id) as uow:
        if await uow.calibrations.delete(made_by):
            await uow.audit.add(caller.audited("calibration.delete", made_by))

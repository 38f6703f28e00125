"""Feedback on answers and recommendations."""

from typing import Any, Literal

from fastapi import APIRouter, Query

from backend.api.deps import AuditCaller, FeedbackCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.base import Moment, Page
from backend.api.schemas.feedback import FeedbackIn, FeedbackOut, GivenFeedbackOut
from backend.core.errors import Code
from backend.core.model.feedback import Feedback, Rating
from backend.core.usecases import feedback

router = APIRouter(prefix=f"{API}/feedback", tags=["feedback"])


@router.post("", status_code=201, response_model=FeedbackOut, responses=problems(Code.ANSWER_NOT_FOUND, Code.DOCUMENT_NOT_FOUND, body=True))
async def record_feedback(body: FeedbackIn, services: ServicesDep, caller: FeedbackCaller) -> Feedback:
    """Keep a thumb; a later one on the same thing replaces it, `none` takes it back."""
    given = feedback.FeedbackInput(
        answer_id=body.answer_id, document_id=body.document_id, query=body.query, rating=body.rating, comment=body.comment
    )
    return await feedback.record_feedback(services, caller.company_id, given, caller=caller)


@router.get("", response_model=Page[GivenFeedbackOut], responses=problems())
async def list_feedback(
    *,
    services: ServicesDep,
    caller: AuditCaller,
    rating: Literal["up", "down"] | None = Query(None, description="Only these thumbs."),
    since: Moment | None = Query(None, description="At or after this moment."),
    limit: int = Query(50, ge=1, le=200),
    after: str | None = Query(None, max_length=500, description="`next` of the page before."),
) -> dict[str, Any]:
    """The thumbs that count now, with who gave them and what was said, newest first."""
    query = feedback.FeedbackQuery(rating=None if rating is None else Rating(rating), since=since, limit=limit, after=after)
    items, following = await feedback.list_feedback(services, caller.company_id, query)
    return {"items": items, "next": following}

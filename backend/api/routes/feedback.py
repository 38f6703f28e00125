"""Feedback on answers and recommendations."""

from fastapi import APIRouter

from backend.api.deps import FeedbackCaller, ServicesDep
from backend.api.errors import problems
from backend.api.routes import API
from backend.api.schemas.feedback import FeedbackIn, FeedbackOut
from backend.core.errors import Code
from backend.core.model.feedback import Feedback
from backend.core.usecases import feedback

router = APIRouter(prefix=f"{API}/feedback", tags=["feedback"])


@router.post("", status_code=201, response_model=FeedbackOut, responses=problems(Code.ANSWER_NOT_FOUND, Code.DOCUMENT_NOT_FOUND, body=True))
async def record_feedback(body: FeedbackIn, services: ServicesDep, caller: FeedbackCaller) -> Feedback:
    """Keep a thumb; a later one on the same thing replaces it, `none` takes it back."""
    given = feedback.FeedbackInput(
        answer_id=body.answer_id, document_id=body.document_id, query=body.query, rating=body.rating, comment=body.comment
    )
    return await feedback.record_feedback(services, caller.company_id, given, caller=caller)

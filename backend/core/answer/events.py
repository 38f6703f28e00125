"""What an event of a stream tells about a failure."""

from backend.core.errors import AppError
from backend.core.model.answer import AnswerEvent, AnswerEventKind


def error_body(error: AppError) -> dict[str, object]:
    """What an ERROR event tells."""
    return {"code": error.code.value, "message": error.message, "retry_after": error.retry_after}


def error_event(error: AppError) -> AnswerEvent:
    """The event that ends a stream which has failed."""
    return AnswerEvent(kind=AnswerEventKind.ERROR, data=error_body(error))

"""JSON of feedback."""

from datetime import datetime

from pydantic import Field, model_validator

from backend.api.schemas.base import Id, In, Out
from backend.core.model.feedback import Rating


class FeedbackIn(In):
    """A thumb on an answer, on a recommended document, or on a document within an answer."""

    answer_id: Id | None = None
    document_id: Id | None = None
    rating: Rating = Field(description="`none` takes an earlier thumb back.")
    comment: str = Field("", max_length=4000)
    query: str = Field("", max_length=4000, description="What was asked, where there is no answer to read it from.")

    @model_validator(mode="after")
    def _about_something(self) -> "FeedbackIn":
        if self.answer_id is None and self.document_id is None:
            raise ValueError("say what it is about: answer_id, document_id or both")
        return self


class FeedbackOut(Out):
    """A thumb as kept."""

    feedback_id: str
    answer_id: str | None
    document_id: str | None
    query: str
    rating: Rating
    comment: str
    at: datetime


class GivenFeedbackOut(FeedbackOut):
    """A thumb and who gave it."""

    caller: str = Field(description="`key:<id>`, `token:<subject>` or `<platform>:<address>`.")

"""The one shape every error has (SPEC G9)."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from backend.core.errors import Code


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    """Where it is: `body.credentials.api_key`, `query.top_k`."""
    problem: str


class ErrorInfo(BaseModel):
    """What went wrong and what to do about it."""

    code: Code
    message: str
    details: dict[str, Any] | list[FieldProblem]
    """With `invalid_request` of a malformed request the fields; else what the code needs, often nothing."""
    timestamp: datetime
    request_id: str
    """Finds the request in the log."""


class ErrorBody(BaseModel):
    """The body of every answer with a status of 400 or more."""

    error: ErrorInfo

"""JSON of summarizing anew."""

from pydantic import Field

from backend.api.schemas.base import In, Out
from backend.api.schemas.copilot import UsageOut


class ResummarizeIn(In):
    """Whether to begin."""

    confirm: str | None = Field(None, max_length=64, description="As the figures told it; left out: only tell the figures.")


class ResummaryOut(Out):
    """What it takes to have every summary by the present model and prompt."""

    model: str
    prompt: str
    documents: int = Field(description="Tickets whose summary is by another model or prompt.")
    cached: int = Field(description="Summaries among those that were paid for before.")
    usage: UsageOut = Field(description="Of the others, by estimate.")
    confirm: str
    started: bool

"""JSON of a dry run."""

from pydantic import Field

from backend.api.schemas.base import Out
from backend.api.schemas.copilot import UsageOut


class ListedOut(Out):
    """What the listings named."""

    tickets: int = Field(description="To read: new, or changed since they were stored.")
    articles: int
    stored_before: int = Field(description="Of those, stored in an older version: where the words are the same, no model is asked.")
    unchanged: int = Field(description="Stored in this version: not read, nothing paid.")
    complete: bool = Field(description="False: the listings go on; every figure is a lower bound.")


class EstimateOut(Out):
    """What a sync would take."""

    listed: ListedOut
    pending: int = Field(description="Documents that are stored and wait for a model or the index.")
    listing_calls: int = Field(description="Calls that this dry run took.")
    api_calls: int
    calls_limit: int | None = Field(description="Calls a minute by the helpdesk's own word; null where it told nothing.")
    minutes: float | None
    summaries: UsageOut
    embeddings: UsageOut
    learned: list[str] = Field(
        description="Averages from what was done before: `api_calls`, `summaries`, `embeddings`; the others are defaults."
    )

"""JSON of runs."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from backend.api.schemas.base import Id, In, Out
from backend.api.schemas.copilot import UsageOut
from backend.core.model.document import DocType
from backend.core.model.sync import RunMode, RunState, Stream
from backend.core.model.ticket import Presence, Status


class IngestIn(In):
    """A sync to start."""

    connection_id: Id
    mode: Literal[RunMode.INCREMENTAL, RunMode.FULL, RunMode.REFRESH] = Field(
        RunMode.INCREMENTAL,
        description="`incremental`: what changed since the last time; `full`: everything; `refresh`: everything, and fetched again "
        "even where it is unchanged.",
    )
    streams: tuple[Stream, ...] = Field((Stream.TICKETS, Stream.ARTICLES, Stream.DELETIONS), min_length=1)
    since: AwareDatetime | None = Field(None, description="Only items changed at or after this moment.")
    until: AwareDatetime | None = Field(None, description="Only items changed before this moment.")
    limit: int | None = Field(None, ge=1, le=10_000_000, description="Stop after this many items per stream.")
    statuses: tuple[Status, ...] = Field((), description="Keep only tickets of these statuses.")

    @model_validator(mode="after")
    def _in_order(self) -> "IngestIn":
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("since must lie before until")
        return self


class ExportFileOut(Out):
    """The account export that is imported."""

    name: str
    size: int = Field(description="In bytes.")
    made_at: datetime | None = Field(description="When the helpdesk began to make it, where that is known.")


class RunOptionsOut(Out):
    """What a run was asked to do."""

    mode: RunMode
    streams: list[Stream]
    since: datetime | None
    until: datetime | None
    limit: int | None
    statuses: list[str]
    export: ExportFileOut | None = Field(None, description="With `import`: what is read.")
    dry_run: bool = Field(False, description="With `rebuild`: only found out what would change.")
    files: bool = Field(False, description="With `rebuild`: the texts of stored attachments are read anew too.")


class RunCountsOut(Out):
    """Live figures of a run."""

    listed: int
    unchanged: int
    stored: int
    deleted: int
    held: int
    failed: int
    failed_again: int = Field(description="Of `failed`: what an earlier run could not take either.")
    processed: int
    to_process: int
    unprocessed: int = Field(description="Documents of the connection that could not be processed, and so are not found.")
    waiting_for_budget: int
    expected: int | None
    api_calls: int
    api_remaining: int | None
    api_limit: int | None
    api_waited_seconds: float
    api_waiting_for: str
    api_waiting_seconds: float
    llm_calls: int
    embedded: int
    documents: int | None
    indexed_documents: int | None


class ProgressOut(Out):
    """How far a run is."""

    done: int = Field(description="Items that are through: processed, unchanged or deleted.")
    total: int | None = Field(description="How many there will be, by all that is known now; null where that is not known.")
    rate: float | None = Field(description="Items a second over the last minute; null where it can't be said, or the run is not running.")
    eta_seconds: float | None = Field(description="Seconds until all are through at this rate; null where it can't be said.")


class RebuiltOut(Out):
    """What a rebuild has found so far, in items."""

    changed: int = Field(description="Made again with another result: stored, unless it is a dry run.")
    newer: int = Field(description="Stored in a newer copy than the archive has, and left as they are.")
    gone: int = Field(description="Deleted, hidden or never stored, and not brought back.")
    incomplete: int = Field(description="Archived without what names them, and left as they are until a sync reads them anew.")
    damaged: int = Field(description="Files of the archive that can't be read.")
    summaries: UsageOut = Field(description="In a dry run: the summaries to pay for, by estimate.")


class RunOut(Out):
    """One sync of one connection."""

    run_id: str
    connection_id: str
    state: RunState
    options: RunOptionsOut
    counts: RunCountsOut
    progress: ProgressOut
    phase: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    resume_at: datetime | None
    stalls: int = Field(description="How often it gave no sign of life and was taken up again.")
    unreadable: list[str]
    remarks: list[str] = Field(
        default_factory=list,
        description="What an admin should know of what was read. Parts of the helpdesk that could not be listed, and why: what is "
        "stored of them stays.",
    )
    rebuilt: RebuiltOut | None = Field(None, description="With `rebuild`.")
    continued_at: datetime | None = Field(
        None,
        description="Behind an import: the next sync reads what changed from here on. null: the export was not shown to hold everything, "
        "so the next sync lists all and reads what is new.",
    )
    error_code: str | None
    error_message: str


class HeldDeletionOut(Out):
    """An item that seems to be gone from the helpdesk."""

    doc_type: DocType
    original_id: str
    document_id: str
    title: str
    presence: Presence
    at: datetime


class HeldDeletionsOut(Out):
    """The first of the deletions that wait, and how many there are."""

    items: list[HeldDeletionOut]
    total: int


class HeldDecisionIn(In):
    """What shall become of all of them."""

    delete: bool = Field(description="`true`: delete them; `false`: keep them, and let the next complete sync look for them again.")


class HeldDecisionOut(Out):
    """What was done."""

    deleted: int
    kept: int

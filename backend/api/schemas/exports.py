"""JSON of exports of a company."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.base import Out
from backend.core.model.export import ExportState


class ExportOut(Out):
    """An export of everything that is kept of the company, and how it goes."""

    export_id: str
    state: ExportState
    created_at: datetime
    phase: str = Field(description="What is being written: the name of a table, or `files`.")
    done: int = Field(description="Rows and files that are written.")
    total: int = Field(description="How many there are, by all that is known now; files are counted once all rows are written.")
    rows: dict[str, int] = Field(description="How many rows of each table are in it, once it is done.")
    files: int
    size: int = Field(description="Of the zip, in bytes; 0 until it is done.")
    sha256: str
    resume_at: datetime | None = Field(description="When it is tried again, where it waits for that.")
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When it is deleted by itself; null while it is under way.")
    error_code: str | None = Field(description="Why it failed, or why it is being tried again.")
    error_message: str

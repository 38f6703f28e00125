"""An export of everything that is kept of a company: one zip, written in the background and kept for some days."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

EXPORTS: Final = "exports"
"""Where a company's exports lie among its own files."""


class ExportState(StrEnum):
    """How far an export is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY: Final = frozenset({ExportState.QUEUED, ExportState.RUNNING})


class Export(Struct, frozen=True, kw_only=True):
    """One export of one company."""

    export_id: str
    created_at: datetime
    state: ExportState = ExportState.QUEUED
    attempt: int = 0
    """Rises whenever it begins anew, so that whoever still writes an earlier one can tell."""
    tries: int = 0
    """How often it was begun without coming to an end."""
    phase: str = ""
    """What is being written: the name of a table, or `files`."""
    done: int = 0
    total: int = 0
    """Rows and files that are written, and how many there are by all that is known now."""
    rows: dict[str, int] = {}
    """Table -> how many of its rows are in the zip."""
    files: int = 0
    size: int = 0
    """Of the zip, in bytes."""
    sha256: str = ""
    resume_at: datetime | None = None
    """When it is tried again; None unless it waits for that."""
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    """When it is deleted; None while it is under way."""
    error_code: str | None = None
    error_message: str = ""

    @property
    def folder(self) -> str:
        """Where its files lie, those of earlier attempts too."""
        return f"{EXPORTS}/{self.export_id}"

    @property
    def key(self) -> str:
        """The zip of this attempt."""
        return f"{self.folder}/{self.attempt}.zip"

    def is_over(self, now: datetime) -> bool:
        """Whether its time is up, though nobody may have deleted it yet."""
        return self.expires_at is not None and self.expires_at <= now

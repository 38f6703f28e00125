"""Jobs: a name, a payload, a key that makes twins impossible, a deadline."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class JobName(StrEnum):
    """Every job there is; `docs/jobs.md` lists them."""

    SYNC_CONNECTION = "sync_connection"
    PROCESS_DOCUMENTS = "process_documents"
    READ_PICTURES = "read_pictures"
    READ_NUDGES = "read_nudges"
    PREPARE_BRIEFS = "prepare_briefs"
    ERASE_PERSON = "erase_person"
    EXPORT_COMPANY = "export_company"


class Line(StrEnum):
    """Where a job waits, with places of its own in a queue that many processes share."""

    QUICK = "quick"
    """Somebody waits for it, and it is short: it never stands behind a backfill."""
    BULK = "bulk"
    PROCESSING = "processing"
    """What a sync has stored is made searchable: it does not wait for the syncs of others, nor they for it."""
    AHEAD = "ahead"
    """Nobody waits for it: one at a time, with rests."""


def places_of(concurrency: int) -> dict[Line, int]:
    """How many jobs of each line run at once in a process that runs so many long ones."""
    return {Line.QUICK: max(1, concurrency // 2), Line.BULK: concurrency, Line.PROCESSING: concurrency, Line.AHEAD: 1}


ALL: Final = "all"
"""The subject of a job that is about everything of its tenant that is left to do."""


class Job(Struct, frozen=True, kw_only=True):
    """Something to do later. The store is the truth: a lost job is enqueued again by the sweeper.

    `key` is unique among waiting and running jobs: enqueuing a twin does nothing.
    """

    name: JobName
    company_id: str
    subject: str
    """The id it is about: a run's, a connection's, an export's."""
    line: Line = Line.BULK
    """No part of the key: a twin in another line is a twin."""

    @property
    def key(self) -> str:
        """What makes a twin a twin."""
        return f"{self.company_id}:{self.name}:{self.subject}"


def processing(company_id: str, *, quick: bool = False) -> Job:
    """What makes everything of a company searchable that is stored and is not; quick where somebody may wait for it."""
    return Job(name=JobName.PROCESS_DOCUMENTS, company_id=company_id, subject=ALL, line=Line.QUICK if quick else Line.PROCESSING)


def preparing(company_id: str) -> Job:
    """What makes the briefs ahead that a company's agents will most likely open, as far as they are not there."""
    return Job(name=JobName.PREPARE_BRIEFS, company_id=company_id, subject=ALL, line=Line.AHEAD)


DEADLINES: Final[dict[JobName, float]] = {
    JobName.SYNC_CONNECTION: 24 * 3600.0,
    JobName.PROCESS_DOCUMENTS: 6 * 3600.0,
    JobName.READ_PICTURES: 6 * 3600.0,
    JobName.READ_NUDGES: 3600.0,
    JobName.PREPARE_BRIEFS: 3600.0,
    JobName.ERASE_PERSON: 6 * 3600.0,
    JobName.EXPORT_COMPANY: 24 * 3600.0,
}
"""Seconds after which a running job is taken for dead."""

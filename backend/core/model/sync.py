"""Pulling changes from a Source: where it stands, what it found, how a Run goes."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from backend.core.model.article import Article
from backend.core.model.budget import Usage
from backend.core.model.document import DocType
from backend.core.model.pace import PROCESSING, Mark, Progress, progress_at
from backend.core.model.ticket import Presence, Ticket


class Stream(StrEnum):
    """One sequence of changes with a cursor of its own."""

    TICKETS = "tickets"
    ARTICLES = "articles"
    DELETIONS = "deletions"


class Cursor(Struct, frozen=True, kw_only=True):
    """Where a stream stands: opaque to everybody but the adapter that wrote it, and JSON all through."""

    stream: Stream
    position: dict[str, Any] = {}
    """Empty means: from the beginning."""


class ItemRef(Struct, frozen=True, kw_only=True):
    """A changed item as a listing names it."""

    doc_type: DocType
    original_id: str
    version: str
    """Changes whenever the item does, such as its `updated_at`."""
    presence: Presence = Presence.LIVE
    """Anything but LIVE and ARCHIVED: the item is gone and is not fetched."""
    hint: Mapping[str, Any] = {}
    """What the adapter wants back when the item is fetched; opaque to everybody else."""
    told_at: datetime | None = None
    """By our clock, when the helpdesk was asked for what is known by this ref; None: when its listing was."""
    changed_at: datetime | None = None
    """By the helpdesk's clock, when what is gone changed last, where the listing tells."""
    stored: str = ""
    """The version it is stored in, where it is asked for because a listing left it out, and a part of that listing failed."""


class Unread(Struct, frozen=True, kw_only=True):
    """A part of the source that could not be listed this time: what is stored of it proves nothing by being left out."""

    mark: str
    """In the version of each of its items, and of no other's."""
    message: str = ""
    """What was not read and why, for an admin; empty where `Source.unreadable` says it."""


class Listing(Struct, frozen=True, kw_only=True):
    """One page of a stream."""

    refs: tuple[ItemRef, ...]
    next: Cursor
    """Where to go on: on the last page, where the next run starts."""
    last: bool
    total: int | None = None
    """How many items the whole stream has from here, where the platform tells."""
    anew: bool = False
    """With this page begins a listing that names every live item by its last page, also in an incremental run: what it
    leaves out may be gone. Only of streams that the source calls complete."""
    unread: tuple[Unread, ...] = ()
    """What could not be listed by this page; items whose stored version has such a mark are not missed."""


class Fetched(Struct, frozen=True, kw_only=True):
    """A whole item: normalized, and the platform's own payloads untouched for the archive."""

    item: Ticket | Article
    raw: bytes
    """JSON, as the platform sent it (several answers as one object)."""


class Lot(Struct, frozen=True, kw_only=True):
    """Many items at hand as they came, and the pure function that makes each: it runs in another process."""

    make: Callable[[Any], Fetched]
    """Picklable; raises AppError for an item that can't be made."""
    payloads: tuple[Any, ...]
    """One for each item that was asked for, in order; picklable."""


class ItemFailure(Struct, frozen=True, kw_only=True):
    """An item that could not be taken; kept, listed, and tried first next time (SPEC A9)."""

    doc_type: DocType
    original_id: str
    code: str
    message: str
    at: datetime
    attempts: int = 1
    hint: Mapping[str, Any] = {}
    raw: bytes | None = None


class Failures(Struct, frozen=True, kw_only=True):
    """Some of a connection's ItemFailures, and how many there are."""

    items: list[ItemFailure]
    total: int
    next: str | None = None
    """Cursor of the next page."""


class HeldDeletion(Struct, frozen=True, kw_only=True):
    """An item that is gone by all we can tell, and waits for an admin because too many went at once (SPEC A7)."""

    doc_type: DocType
    original_id: str
    presence: Presence
    at: datetime


class RunState(StrEnum):
    """How a Run goes."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """The source asked to wait, or is down: goes on by itself at `resume_at`."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self in (RunState.COMPLETED, RunState.FAILED, RunState.CANCELED)


class RunMode(StrEnum):
    """How much a Run reads."""

    INCREMENTAL = "incremental"
    """What changed since the cursor."""
    FULL = "full"
    """Everything the listing names; what is unchanged is not fetched again."""
    REFRESH = "refresh"
    """Everything the listing names, fetched again too: names that could not be read before are in it now."""
    FAILURES = "failures"
    """Only what could not be taken before."""
    REBUILD = "rebuild"
    """What the archive of payloads holds, made again without a call to the helpdesk; nothing is read."""
    IMPORT = "import"
    """What an account export holds, `RunOptions.export`; what is stored in a newer version stays."""


class ExportFile(Struct, frozen=True, kw_only=True):
    """An account export that was given to us, in the tenant's blobs."""

    key: str
    """Of the blob; its file is deleted when it has been read."""
    name: str
    """As people call the file."""
    size: int
    """In bytes."""
    made_at: datetime | None = None
    """When the helpdesk began to make it, where that is known; it holds every change before."""


class RunOptions(Struct, frozen=True, kw_only=True):
    """What a Run was asked to do."""

    mode: RunMode = RunMode.INCREMENTAL
    streams: tuple[Stream, ...] = (Stream.TICKETS, Stream.ARTICLES, Stream.DELETIONS)
    since: datetime | None = None
    """Only items changed at or after this moment."""
    until: datetime | None = None
    """Only items changed before this moment."""
    limit: int | None = None
    """Stop after this many items per stream (a first look)."""
    statuses: tuple[str, ...] = ()
    """Keep only tickets of these statuses; empty means all."""
    items: tuple[tuple[DocType, str], ...] = ()
    """With FAILURES: only these, by their original ids; empty means all."""
    export: ExportFile | None = None
    """With IMPORT: what is read."""
    dry_run: bool = False
    """With REBUILD: only find out what would change."""
    files: bool = False
    """With REBUILD: read the texts of stored attachments anew too."""


class RunCounts(Struct, kw_only=True):
    """Live figures of a Run."""

    listed: int = 0
    unchanged: int = 0
    stored: int = 0
    deleted: int = 0
    held: int = 0
    """Deletions that wait for an admin."""
    failed: int = 0
    failed_again: int = 0
    """Of `failed`: what an earlier run could not take either, and was tried again first."""
    processed: int = 0
    """Documents that reached a final state (indexed, skipped or failed) since the Run began."""
    to_process: int = 0
    """Documents of the connection still pending or processing."""
    unprocessed: int = 0
    """Documents of the connection that could not be processed, so they are not found; some are tried again by themselves."""
    waiting_for_budget: int = 0
    """Documents of the connection that wait until the budget for models begins anew or is raised."""
    expected: int | None = None
    """How many items the listings will name, where the platform tells."""
    api_calls: int = 0
    api_remaining: int | None = None
    api_limit: int | None = None
    api_waited_seconds: float = 0.0
    """Seconds in which the helpdesk's quota held the run up."""
    api_waiting_for: str = ""
    """The quota it waits for right now, such as `tickets:80`, or `pause` where the helpdesk asked for one; empty for none."""
    api_waiting_seconds: float = 0.0
    """Seconds until it may go on."""
    llm_calls: int = 0
    embedded: int = 0
    documents: int | None = None
    """At the end: live documents in the store."""
    indexed_documents: int | None = None
    """At the end: documents in the index."""


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What a rebuild has found so far. Counted are items, each by its newest payload."""

    changed: int = 0
    """Made again with another result: stored, unless it is a dry run."""
    newer: int = 0
    """Stored in a newer copy than the archive has: left as they are."""
    gone: int = 0
    """Deleted, hidden, or never stored: not brought back."""
    incomplete: int = 0
    """Archived without what names them: left as they are until a sync reads them anew."""
    damaged: int = 0
    """Files of the archive that can't be read."""
    summaries: Usage = Usage()
    """In a dry run: the summaries to pay for, by estimate."""


class Run(Struct, frozen=True, kw_only=True):
    """One sync of one connection."""

    run_id: str
    connection_id: str
    state: RunState
    options: RunOptions
    counts: RunCounts
    scheduled: bool = False
    """Started by the clock; others were asked for by somebody."""
    phase: str = ""
    """The stream being read, or `processing`."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heartbeat_at: datetime | None = None
    resume_at: datetime | None = None
    stalls: int = 0
    """How often it gave no sign of life and was taken up again."""
    waits: int = 0
    """How often in a row it had to wait without getting anywhere."""
    unreadable: tuple[str, ...] = ()
    """What the credentials may not read: items were taken without it."""
    remarks: tuple[str, ...] = ()
    """What an admin should know of what was read, and of parts that could not be listed, in whole sentences."""
    rebuilt: Rebuilt | None = None
    continued_at: datetime | None = None
    """Behind an import: what changed from here on is what the next sync reads. None: it lists everything, and reads what is new."""
    error_code: str | None = None
    error_message: str = ""
    marks: tuple[Mark, ...] = ()
    """How much was through at moments of the last while, while it is under way."""

    @property
    def progress(self) -> Progress:
        """How far it is, how fast it goes, and how long it still takes."""
        total = self.counts.expected
        # A listing that names no total still names what it has listed so far; more can only follow while it is read.
        if self.phase == PROCESSING or self.state.ended:
            total = self.done + self.counts.to_process
        # Whoever waits goes at no pace.
        return progress_at(self.marks if self.state is RunState.RUNNING else (), self.done, total or None)

    @property
    def done(self) -> int:
        """Items that are through."""
        found = self.rebuilt.changed if self.rebuilt is not None and self.options.dry_run else 0
        return self.counts.processed + self.counts.unchanged + self.counts.deleted + found

"""Where records live, by noun. A store belongs to a transaction of one tenant: no method takes a company_id (SPEC D4)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from backend.core.model.connection import Connection
from backend.core.model.document import DocState, DocType, Document, PackedDocument, Standing
from backend.core.model.search import Calibration
from backend.core.model.sync import Cursor, ItemFailure, Run, Stream
from backend.core.model.tenant import ApiKey

LOOKED_AT: Final = 20
"""Documents among which an open ticket is looked for."""
MOST_QUESTIONS: Final = 12
"""Tickets whose wording an article may get."""


class DocumentStore(Protocol):
    """The tenant's Documents."""

    async def versions(self, connection_id: str, doc_type: DocType, original_ids: Collection[str]) -> dict[str, tuple[str, str]]:
        """original_id -> (source_version, content_hash) of those that are stored and not deleted."""
        ...

    async def standing(self, document_ids: Collection[str]) -> dict[str, Standing]:
        """How the copies stand that are stored, deleted ones too; unknown ids are left out."""
        ...

    async def put(self, documents: Sequence[Document | PackedDocument]) -> None:
        """Insert or replace whole Documents; one statement for all."""
        ...

    async def touch(self, versions: Mapping[str, str], changed: Mapping[str, datetime] | None = None, at: datetime | None = None) -> None:
        """document_id -> new source_version, where an item was fetched and its content is the same.

        Those in `changed` get that `updated_at` too, and count as stored `at` this moment.
        """
        ...

    async def get(self, document_id: str) -> Document | None:
        """One Document."""
        ...

    async def get_many(self, document_ids: Collection[str]) -> dict[str, Document]:
        """Documents by id, in one query; unknown ids are left out."""
        ...

    async def find(self, platform: str | None, doc_type: DocType, original_id: str) -> Document | None:
        """One by its platform's id; with platform None the most recently updated of any platform."""
        ...

    async def newest_open(self, limit: int) -> list[str]:
        """document_ids of tickets that are neither resolved nor closed, and indexed: last updated first.

        They are looked for among the last updated Documents, `LOOKED_AT` for each that is wanted, however many there are.
        """
        ...

    async def claim(self, limit: int, at: datetime, *, without: Collection[str] = ()) -> list[Document]:
        """Take up to `limit` that are pending, or failed, with a `next_try_at` that has come, and mark them processing.

        `without` names those that an earlier claim still works on: back to pending meanwhile, they are to be done once more, and
        marked as processing they would be taken for done when that claim's outdated result is written.
        """
        ...

    async def postponed(self, at: datetime, connection_id: str | None = None) -> int:
        """How many are pending and not to be claimed before a time that is still to come."""
        ...

    async def resume(self, error_code: str) -> int:
        """Let pending ones that wait for this reason be claimed now; returns how many."""
        ...

    async def finish(self, documents: Sequence[Document]) -> int:
        """Write state, summaries and error of processed Documents whose stored content_hash is still the same.

        Returns how many were written: a newer version is never overwritten by an older one's result.
        """
        ...

    async def release(self, *, indexed: bool = False) -> int:
        """Back from processing to pending: what a killed process left. Returns how many.

        With `indexed` also what is in the index, to be indexed anew with the summaries it has: the index was lost or changed.
        """
        ...

    async def reindex(self, document_ids: Collection[str], *, summarize: bool = False) -> int:
        """Back from indexed to pending, with the summaries they have, or with `summarize` without; returns how many."""
        ...

    async def retry(self, error_codes: Collection[str] = ()) -> int:
        """Back from failed to pending, as if never tried; with `error_codes` those that failed for one of them. Returns how many."""
        ...

    async def mark_deleted(self, connection_id: str, doc_type: DocType, original_ids: Mapping[str, str], at: datetime) -> list[str]:
        """original_id -> Presence value: mark as deleted, clear the texts, return document_ids that were not before."""
        ...

    async def buried(self, connection_id: str, limit: int) -> dict[str, tuple[DocType, str]]:
        """document_id -> type and original_id of deleted ones whose files and payloads are still to be erased."""
        ...

    async def erased(self, document_ids: Collection[str]) -> None:
        """Nothing is left of them but the tombstone."""
        ...

    async def counts(self, connection_id: str | None = None) -> dict[DocState, int]:
        """How many in each state."""
        ...

    async def list(
        self,
        *,
        states: Collection[DocState] = (),
        doc_types: Collection[DocType] = (),
        connection_id: str | None = None,
        text: str | None = None,
        ticket_groups: Collection[str] | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> tuple[list[Document], str | None]:
        """A page, last updated first, and the cursor of the next page; `text` is looked for in titles.

        Deleted ones are listed only when asked for by state; with `ticket_groups` no tickets but those with such a mark.
        Raises INVALID_REQUEST for a cursor that is not ours.
        """
        ...


class CalibrationStore(Protocol):
    """Thresholds found with a tenant's own questions, one for each maker of its vectors."""

    async def get(self, made_by: str) -> Calibration | None:
        """The one for these makers."""
        ...

    async def put(self, calibration: Calibration) -> None:
        """Insert or replace."""
        ...

    async def delete(self, made_by: str) -> bool:
        """Forget it; whether there was one."""
        ...


class SolvedStore(Protocol):
    """Which tickets were solved with which article; their wording makes the article findable."""

    async def replace(self, links: Mapping[str, Collection[str]]) -> list[str]:
        """Ticket -> the articles it was solved with; returns those whose tickets changed. Each keeps its first `MOST_QUESTIONS` tickets."""
        ...

    async def of_articles(self, article_ids: Collection[str]) -> dict[str, list[str]]:
        """Article -> its tickets; articles without any are left out."""
        ...


class IndexMarkStore(Protocol):
    """What tells every process that the tenant's index was changed."""

    async def get(self) -> str:
        """The present mark; empty where the index was never changed. Good for comparing only."""
        ...

    async def change(self) -> None:
        """Another mark, which never was one before."""
        ...


class ConnectionStore(Protocol):
    """The tenant's Connections."""

    async def put(self, connection: Connection) -> None:
        """Insert or replace."""
        ...

    async def get(self, connection_id: str) -> Connection | None:
        """One by id."""
        ...

    async def list(self) -> list[Connection]:
        """All, oldest first."""
        ...

    async def delete(self, connection_id: str) -> None:
        """Remove it with its cursors, failures and runs; its Documents are the caller's to remove first."""
        ...


class SyncStore(Protocol):
    """Runs, cursors and what could not be taken."""

    async def put_run(self, run: Run) -> None:
        """Insert or replace."""
        ...

    async def get_run(self, run_id: str) -> Run | None:
        """One by id."""
        ...

    async def list_runs(self, connection_id: str | None = None, limit: int = 20, after: str | None = None) -> tuple[list[Run], str | None]:
        """A page, newest first, and the cursor of the next page. Raises INVALID_REQUEST for a cursor that is not ours."""
        ...

    async def forget_runs(self, connection_id: str, before: datetime, *, keep: int, limit: int) -> int:
        """Delete up to `limit` Runs that ended and were made before that moment, with their places; the latest `keep` stay.

        Returns how many.
        """
        ...

    async def active_run(self, connection_id: str) -> Run | None:
        """The one that is queued, running or waiting; there is never more than one."""
        ...

    async def get_cursor(self, connection_id: str, stream: Stream, run_id: str | None = None) -> Cursor | None:
        """Where the stream stands: for incremental runs with run_id None, else the place of that one run."""
        ...

    async def put_cursor(self, connection_id: str, cursor: Cursor, run_id: str | None = None) -> None:
        """Move it; in the same transaction as the page's Documents."""
        ...

    async def put_failures(self, connection_id: str, failures: Sequence[ItemFailure]) -> None:
        """Keep them; a repeated one raises its `attempts`."""
        ...

    async def clear_failures(self, connection_id: str, doc_type: DocType, original_ids: Collection[str]) -> None:
        """They were taken after all."""
        ...

    async def list_failures(
        self, connection_id: str, limit: int = 100, *, before: datetime | None = None, after: str | None = None
    ) -> tuple[list[ItemFailure], str | None]:
        """A page, oldest first, and the cursor of the next one; with `before` only those that were not tried since.

        Raises INVALID_REQUEST for a cursor that is not ours.
        """
        ...

    async def get_failure(self, connection_id: str, doc_type: DocType, original_id: str) -> ItemFailure | None:
        """One of them."""
        ...

    async def count_failures(self, connection_id: str) -> int:
        """How many there are."""
        ...


class KeyStore(Protocol):
    """The tenant's API keys."""

    async def put(self, key: ApiKey) -> None:
        """Insert or replace."""
        ...

    async def get(self, key_id: str) -> ApiKey | None:
        """One by id."""
        ...

    async def list(self) -> list[ApiKey]:
        """All, oldest first."""
        ...

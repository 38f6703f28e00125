"""Transactions: of one tenant, and over the list of tenants."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol

from backend.core.model.connection import Connection
from backend.core.model.document import Document, PackedDocument
from backend.core.model.job import Job
from backend.core.model.retention import KeptMonths, Retention
from backend.core.model.sync import Run
from backend.core.model.tenant import ApiKey, AuditEntry, Tenant
from backend.core.ports.attachments import AttachmentStore
from backend.core.ports.erasures import ErasureStore
from backend.core.ports.exports import ExportStore
from backend.core.ports.groups import GroupStore
from backend.core.ports.judged import AuditStore, FeedbackStore
from backend.core.ports.nudges import NudgeStore
from backend.core.ports.spending import BudgetStore, UsageStore
from backend.core.ports.stores import (
    CalibrationStore,
    ConnectionStore,
    DocumentStore,
    IndexMarkStore,
    KeyStore,
    SolvedStore,
    SyncStore,
)
from backend.core.ports.sweeps import SweepStore


class UnitOfWork(Protocol):
    """One transaction of one tenant. Jobs leave only after the commit."""

    company_id: str
    documents: DocumentStore
    groups: GroupStore
    attachments: AttachmentStore
    solved: SolvedStore
    calibrations: CalibrationStore
    index_marks: IndexMarkStore
    connections: ConnectionStore
    sync: SyncStore
    sweeps: SweepStore
    nudges: NudgeStore
    usage: UsageStore
    budgets: BudgetStore
    feedback: FeedbackStore
    audit: AuditStore
    keys: KeyStore
    erasures: ErasureStore
    exports: ExportStore

    def enqueue(self, job: Job) -> None:
        """Remember a job of this tenant; it is sent after the commit and dropped on rollback."""
        ...


class Directory(Protocol):
    """The installation's list of tenants: for the operator, and to find out who a key belongs to."""

    async def put_tenant(self, tenant: Tenant) -> None:
        """Insert or replace."""
        ...

    async def get_tenant(self, company_id: str) -> Tenant | None:
        """One by id."""
        ...

    async def lock_tenant(self, company_id: str) -> Tenant | None:
        """As `get_tenant`, and nobody else changes it until this transaction ends: for what is read, changed and put back."""
        ...

    async def list_tenants(self, limit: int | None = None) -> list[Tenant]:
        """All or so many, oldest first."""
        ...

    async def delete_tenant(self, company_id: str) -> None:
        """Remove the tenant and every row of its own in every table."""
        ...

    async def count_left(self, company_id: str) -> dict[str, int]:
        """Table -> how many rows of a tenant are in it, none where it was deleted; tables without any are left out."""
        ...

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """The key with this hash, whatever tenant it belongs to."""
        ...

    async def get_key(self, key_id: str) -> ApiKey | None:
        """The key of this id, whatever tenant it belongs to: a signed request names its key and nothing else."""
        ...

    async def touch_key(self, key_id: str, at: datetime) -> None:
        """It was used just now."""
        ...

    async def find_connection(self, connection_id: str) -> tuple[str, Connection] | None:
        """company_id and Connection of this id, whatever tenant it belongs to: a webhook names its connection and nothing else."""
        ...

    async def find_connections(self, platform: str, domain: str) -> list[tuple[str, Connection]]:
        """company_id and Connection of every tenant that has this helpdesk: credentials of it tell no tenant by themselves."""
        ...

    async def due_connections(self, at: datetime, limit: int) -> list[tuple[str, str]]:
        """(company_id, connection_id) of those whose `next_run_at` has come, longest overdue first."""
        ...

    async def scheduled_runs(self) -> int:
        """How many runs that the clock started are queued or running, over all tenants; those that wait for their source take no place."""
        ...

    async def unfinished(self) -> list[Job]:
        """Jobs for all that is left to do: active runs, Documents to process, pictures to read, nudges, erasures, exports."""
        ...

    async def running(self) -> list[tuple[str, Run]]:
        """company_id and Run of every Run that is running."""
        ...

    async def audit(self, entry: AuditEntry, company_id: str | None = None) -> None:
        """Write what was done to a tenant as such; without `company_id`, an operator's doing that belongs to none (or one that is gone)."""
        ...

    async def list_audit(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        action: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> tuple[list[AuditEntry], str | None]:
        """A page of what operators did that belongs to no tenant, as `AuditStore.list` gives a tenant's."""
        ...


class Database(Protocol):
    """Opens transactions. On leaving the block: commit, then jobs leave; on an exception: rollback, jobs dropped.

    Both raise AppError(STORAGE_FULL) when the disk is full and STORAGE_UNAVAILABLE when the database is away.
    """

    @property
    def pack(self) -> Callable[[str, Document], PackedDocument]:
        """Makes a Document of a company ready to be put: picklable, and pure, so that thousands are packed in other processes."""
        ...

    def open(self, company_id: str, *, write: bool = False) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction of one tenant.

        With `write` no other one of this tenant with `write` is under way from its first moment on: use it wherever something
        is read, changed and written back (a Run, a Connection), so that what somebody else wrote in between is not lost.
        Keep such a block short, wait for nothing outside in it, and open no other one inside.
        """
        ...

    def directory(self) -> AbstractAsyncContextManager[Directory]:
        """A transaction over the list of tenants."""
        ...

    async def keep_months(self, retention: Retention, today: date) -> KeptMonths:
        """Make room for the months to come and drop whole months of logs that are not wanted any more. Safe to repeat, by anybody."""
        ...

    async def purge(self) -> bool:
        """Leave nothing in the database's own files of what was deleted or replaced, where they are ours to clean.

        False where somebody still reads what was before: ask again in a moment.
        """
        ...

    async def ping(self) -> None:
        """Raises STORAGE_UNAVAILABLE when the database does not answer."""
        ...

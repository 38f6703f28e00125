"""One transaction of one tenant: every store of it, and the jobs that leave after the commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from typing import Final
from weakref import WeakValueDictionary

from sqlalchemy import text

from backend.core.errors import AppError, Code
from backend.core.model.document import Document, PackedDocument
from backend.core.model.job import Job
from backend.core.model.retention import KeptMonths, Retention
from backend.core.ports.attachments import AttachmentStore
from backend.core.ports.database import Directory, UnitOfWork
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
from backend.core.waiting import to_its_end
from backend.storage.sql.attachments import SqlAttachmentStore
from backend.storage.sql.audit import SqlAuditStore
from backend.storage.sql.budgets import SqlBudgetStore
from backend.storage.sql.calibrations import SqlCalibrationStore
from backend.storage.sql.connections import SqlConnectionStore
from backend.storage.sql.directory import SqlDirectory
from backend.storage.sql.documents import SqlDocumentStore
from backend.storage.sql.engine import POOL_SIZE, Engines, in_file, open_engines
from backend.storage.sql.erasures import SqlErasureStore
from backend.storage.sql.errors import translated
from backend.storage.sql.exports import SqlExportStore
from backend.storage.sql.feedback import SqlFeedbackStore
from backend.storage.sql.groups import SqlGroupStore
from backend.storage.sql.index_marks import SqlIndexMarkStore
from backend.storage.sql.keys import SqlKeyStore
from backend.storage.sql.months import keep_months
from backend.storage.sql.nudges import SqlNudgeStore
from backend.storage.sql.packing import pack_document
from backend.storage.sql.purge import purge_file
from backend.storage.sql.solved import SqlSolvedStore
from backend.storage.sql.sweeps import SqlSweepStore
from backend.storage.sql.sync import SqlSyncStore
from backend.storage.sql.transaction import Transaction
from backend.storage.sql.usage import SqlUsageStore

SendJobs = Callable[[Sequence[Job]], Awaitable[None]]
_DRAIN_SECONDS: Final = 10.0


class SqlUnitOfWork:
    """UnitOfWork by SQL."""

    def __init__(self, company_id: str, transaction: Transaction) -> None:
        self.company_id = company_id
        self.documents: DocumentStore = SqlDocumentStore(company_id, transaction)
        self.groups: GroupStore = SqlGroupStore(company_id, transaction)
        self.attachments: AttachmentStore = SqlAttachmentStore(company_id, transaction)
        self.solved: SolvedStore = SqlSolvedStore(company_id, transaction)
        self.calibrations: CalibrationStore = SqlCalibrationStore(company_id, transaction)
        self.index_marks: IndexMarkStore = SqlIndexMarkStore(company_id, transaction)
        self.connections: ConnectionStore = SqlConnectionStore(company_id, transaction)
        self.sync: SyncStore = SqlSyncStore(company_id, transaction)
        self.sweeps: SweepStore = SqlSweepStore(company_id, transaction)
        self.nudges: NudgeStore = SqlNudgeStore(company_id, transaction)
        self.usage: UsageStore = SqlUsageStore(company_id, transaction)
        self.budgets: BudgetStore = SqlBudgetStore(company_id, transaction)
        self.feedback: FeedbackStore = SqlFeedbackStore(company_id, transaction)
        self.audit: AuditStore = SqlAuditStore(company_id, transaction)
        self.keys: KeyStore = SqlKeyStore(company_id, transaction)
        self.erasures: ErasureStore = SqlErasureStore(company_id, transaction)
        self.exports: ExportStore = SqlExportStore(company_id, transaction)
        self.jobs: list[Job] = []

    def enqueue(self, job: Job) -> None:
        """Remember a job of this tenant; it is sent after the commit and dropped on rollback."""
        if job.company_id != self.company_id:
            raise ValueError("a job belongs to the tenant whose transaction makes it")
        self.jobs.append(job)


class SqlDatabase:
    """Database by SQL. `send_jobs` is the queue's `enqueue`; it is called after a commit, and only when there are jobs."""

    def __init__(self, url: str, send_jobs: SendJobs, *, pool_size: int = POOL_SIZE) -> None:
        self._engines = open_engines(url, pool_size)
        self._send_jobs = send_jobs
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._open: set[Transaction] = set()
        self._quiet = asyncio.Event()
        self._closed = False

    @property
    def pack(self) -> Callable[[str, Document], PackedDocument]:
        """Makes a Document ready to be put, in whatever process."""
        return pack_document

    @asynccontextmanager
    async def open(self, company_id: str, *, write: bool = False) -> AsyncIterator[UnitOfWork]:
        """A transaction of one tenant; with `write` no other one of this tenant with `write` is under way from its first moment on."""
        if not company_id:
            raise ValueError("a tenant's company_id is never empty")
        async with self._turn(company_id, needed=write and self._engines.shared), self._transaction(company_id) as transaction:
            if write:
                await transaction.lock(alone=True)
            work = SqlUnitOfWork(company_id, transaction)
            yield work
        if work.jobs:
            await self._send_jobs(work.jobs)

    @asynccontextmanager
    async def directory(self) -> AsyncIterator[Directory]:
        """A transaction over the list of tenants."""
        async with self._transaction(None) as transaction:
            yield SqlDirectory(transaction)

    async def keep_months(self, retention: Retention, today: date) -> KeptMonths:
        """Make room for the months to come and drop whole months of logs that are not wanted any more."""
        async with self._transaction(None) as transaction:
            return await keep_months(transaction, retention, today)

    async def ping(self) -> None:
        """Raises STORAGE_UNAVAILABLE when the database does not answer."""
        async with self._transaction(None) as transaction:
            await transaction.row(text("SELECT 1"))

    async def purge(self) -> bool:
        """Leave nothing in SQLite's files of what was deleted or replaced; PostgreSQL does so itself (docs/privacy.md)."""
        url = self._engines.writer.url
        return await asyncio.to_thread(purge_file, str(url.database)) if in_file(url) else True

    async def close(self) -> None:
        """Let transactions under way end, take no more, and close every connection.

        Whoever begins one from here on, such as a request that was late, gets STORAGE_UNAVAILABLE.
        """
        self._closed = True
        if self._open:
            self._quiet.clear()
            # Transactions are short by rule; one that is not must not keep the process from ending.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), _DRAIN_SECONDS)
        await self._engines.dispose()

    @asynccontextmanager
    async def _turn(self, company_id: str, *, needed: bool) -> AsyncIterator[None]:
        """Writers of one tenant wait for each other here, so that those of this process don't each hold a connection meanwhile."""
        if not needed:
            yield
            return
        async with self._turns.setdefault(company_id, asyncio.Lock()):
            yield

    @asynccontextmanager
    async def _transaction(self, company_id: str | None) -> AsyncIterator[Transaction]:
        if self._closed:
            raise AppError(Code.STORAGE_UNAVAILABLE, "Desklore is shutting down; try again in a moment.", retry_after=1.0)
        transaction = Transaction(self._engines, company_id)
        self._open.add(transaction)
        try:
            yield transaction
            if transaction.writer is not None:
                with translated():
                    await transaction.writer.commit()
        finally:
            # A task that is cancelled here must not leave the write lock behind, however often it is cancelled.
            with translated():
                await to_its_end(self._give_back(transaction))

    async def _give_back(self, transaction: Transaction) -> None:
        try:
            await transaction.close()
        finally:
            self._open.discard(transaction)
            if not self._open:
                self._quiet.set()


@asynccontextmanager
async def over_all(engines: Engines) -> AsyncIterator[Transaction]:
    """A writing transaction of the operator, for the commands that move whole installations; committed when the block ends well.

    It may name one tenant after the other (`Transaction.act_for`), and may last as long as copying takes.
    """
    transaction = Transaction(engines, None)
    try:
        connection = await transaction.lock()
        if transaction.dialect == "postgresql":
            with translated():
                await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield transaction
        with translated():
            await connection.commit()
    finally:
        with translated():
            await to_its_end(transaction.close())

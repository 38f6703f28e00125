"""The installation's list of tenants, and whose a key is."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update

from backend.core.clock import now
from backend.core.model.document import DocState
from backend.core.model.job import ALL, Job, JobName
from backend.core.model.sync import Run, RunState
from backend.core.model.tenant import ApiKey, AuditEntry, Tenant
from backend.storage.sql.audit import OPERATOR, entry_row
from backend.storage.sql.keys import to_key
from backend.storage.sql.tables import (
    ACTIVE_RUN,
    RETRIED,
    WAITING_FILE,
    api_keys,
    attachments,
    audit,
    connections,
    documents,
    metadata,
    runs,
    tenants,
)
from backend.storage.sql.transaction import Transaction

_USE_IS_KEPT_EVERY = timedelta(minutes=1)
"""Else every request with a key would be a write."""
_run = msgspec.json.Decoder(Run)
_tenant = msgspec.json.Decoder(Tenant)


class SqlDirectory:
    """Directory by SQL."""

    def __init__(self, transaction: Transaction) -> None:
        self._in = transaction

    async def put_tenant(self, tenant: Tenant) -> None:
        """Insert or replace."""
        await self._in.upsert(tenants, [{"company_id": tenant.company_id, "created_at": tenant.created_at, "body": tenant}])

    async def get_tenant(self, company_id: str) -> Tenant | None:
        """One by id."""
        row = await self._in.row(select(tenants.c.body).where(tenants.c.company_id == company_id))
        return _tenant.decode(row.body) if row else None

    async def list_tenants(self) -> list[Tenant]:
        """All, oldest first."""
        rows = await self._in.rows(select(tenants.c.body).order_by(tenants.c.created_at, tenants.c.company_id))
        return [_tenant.decode(row.body) for row in rows]

    async def delete_tenant(self, company_id: str) -> None:
        """Remove the tenant and every row of its own in every table."""
        if company_id == OPERATOR:
            raise ValueError("a tenant's company_id is never empty")
        for table in reversed(metadata.sorted_tables):
            await self._in.write(delete(table).where(table.c.company_id == company_id))

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """The key with this hash, whatever tenant it belongs to."""
        row = await self._in.row(select(api_keys).where(api_keys.c.key_hash == key_hash))
        return to_key(row) if row else None

    async def touch_key(self, key_id: str, at: datetime) -> None:
        """It was used just now; kept to the minute."""
        row = await self._in.row(select(api_keys.c.last_used_at).where(api_keys.c.key_id == key_id))
        if row and (row.last_used_at is None or at - row.last_used_at >= _USE_IS_KEPT_EVERY):
            await self._in.write(update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_at=at))

    async def due_connections(self, at: datetime, limit: int) -> list[tuple[str, str]]:
        """(company_id, connection_id) of those whose `next_run_at` has come, longest overdue first."""
        query = select(connections.c.company_id, connections.c.connection_id).where(connections.c.next_run_at <= at)
        rows = await self._in.rows(query.order_by(connections.c.next_run_at, connections.c.connection_id).limit(limit))
        return [(row.company_id, row.connection_id) for row in rows]

    async def active_runs(self) -> int:
        """How many runs of all tenants are queued, running or waiting."""
        row = await self._in.row(select(func.count()).select_from(runs).where(ACTIVE_RUN))
        return int(row[0]) if row else 0

    async def unfinished(self) -> list[Job]:
        """Jobs for all that is left to do.

        Active runs; Documents that are pending, processing, or failed with a next try that is due; pictures to be read.
        """
        active = await self._in.rows(select(runs.c.company_id, runs.c.run_id).where(ACTIVE_RUN).order_by(runs.c.company_id, runs.c.run_id))
        own = documents.c.company_id == tenants.c.company_id
        ready = or_(documents.c.next_try_at.is_(None), documents.c.next_try_at <= now())
        to_do = [
            exists().where(own, documents.c.state == DocState.PENDING.value, ready),
            exists().where(own, documents.c.state == DocState.PROCESSING.value),
        ]
        due = exists().where(own, RETRIED, documents.c.next_try_at <= now())
        waiting = exists().where(attachments.c.company_id == tenants.c.company_id, WAITING_FILE)
        return [
            *(Job(name=JobName.SYNC_CONNECTION, company_id=row.company_id, subject=row.run_id) for row in active),
            *await self._tenants_where(or_(*to_do, due), JobName.PROCESS_DOCUMENTS),
            *await self._tenants_where(waiting, JobName.READ_PICTURES),
        ]

    async def running(self) -> list[tuple[str, Run]]:
        """company_id and Run of every Run that is running."""
        rows = await self._in.rows(select(runs.c.company_id, runs.c.body).where(ACTIVE_RUN).order_by(runs.c.company_id, runs.c.run_id))
        found = [(row.company_id, _run.decode(row.body)) for row in rows]
        return [(company_id, run) for company_id, run in found if run.state is RunState.RUNNING]

    async def audit(self, entry: AuditEntry, company_id: str | None = None) -> None:
        """Write what was done to a tenant as such; without `company_id`, an operator's doing that belongs to none (or one that is gone)."""
        await self._in.write(insert(audit), entry_row(company_id or OPERATOR, entry))

    async def _tenants_where(self, condition: ColumnElement[bool], name: JobName) -> list[Job]:
        rows = await self._in.rows(select(tenants.c.company_id).where(condition).order_by(tenants.c.company_id))
        return [Job(name=name, company_id=row.company_id, subject=ALL) for row in rows]

"""The installation's list of tenants, and whose a key is."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, exists, func, insert, or_, select, update

from backend.core.clock import now
from backend.core.model.connection import Connection
from backend.core.model.document import DocState
from backend.core.model.erasure import ErasureState
from backend.core.model.export import UNDER_WAY
from backend.core.model.job import ALL, Job, JobName, Line, processing
from backend.core.model.sync import Run, RunState
from backend.core.model.tenant import ApiKey, AuditEntry, Tenant
from backend.storage.sql.audit import OPERATOR, SqlAuditStore, entry_row
from backend.storage.sql.columns import UtcTime
from backend.storage.sql.keys import to_key
from backend.storage.sql.schema import metadata
from backend.storage.sql.tables import (
    ACTIVE_RUN,
    RETRIED,
    WAITING_FILE,
    api_keys,
    attachments,
    connections,
    documents,
    nudges,
    runs,
    tenants,
)
from backend.storage.sql.tables_asked import erasures, exports
from backend.storage.sql.tables_judged import audit
from backend.storage.sql.transaction import Transaction

_USE_IS_KEPT_EVERY = timedelta(minutes=1)
"""Else every request with a key would be a write."""
_OWN, _AT = documents.c.company_id == bindparam("of"), bindparam("at", type_=UtcTime())


def _any(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a Document. With an order, or a planner that expects many would look for the first in the whole table."""
    newest = documents.c.updated_at.desc(), documents.c.document_id.desc()
    return select(documents.c.document_id).where(_OWN, *conditions).order_by(*newest).limit(1).scalar_subquery().is_not(None)


_UNDER_WAY = exports.c.state.in_([state.value for state in sorted(UNDER_WAY)])
_LEFT_TO_DO = select(
    or_(
        _any(documents.c.state == DocState.PENDING.value, or_(documents.c.next_try_at.is_(None), documents.c.next_try_at <= _AT)),
        _any(documents.c.state == DocState.PROCESSING.value),
        exists().where(_OWN, RETRIED, documents.c.next_try_at <= _AT),
    ).label("to_process"),
    exists().where(attachments.c.company_id == bindparam("of"), WAITING_FILE).label("to_read"),
    exists().where(nudges.c.company_id == bindparam("of")).label("nudged"),
    exists().where(erasures.c.company_id == bindparam("of"), erasures.c.state == ErasureState.RUNNING.value).label("erasing"),
    exists().where(exports.c.company_id == bindparam("of"), _UNDER_WAY).label("exporting"),
)
_ERASING = select(erasures.c.erasure_id).where(erasures.c.company_id == bindparam("of"), erasures.c.state == ErasureState.RUNNING.value)
_EXPORTING = select(exports.c.export_id).where(exports.c.company_id == bindparam("of"), _UNDER_WAY)
_NUDGED = select(nudges.c.connection_id).where(nudges.c.company_id == bindparam("of")).distinct().order_by(nudges.c.connection_id)
_run = msgspec.json.Decoder(Run)
_connection = msgspec.json.Decoder(Connection)
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

    async def lock_tenant(self, company_id: str) -> Tenant | None:
        """One by id, held against others who would change it. SQLite holds the whole database, and leaves FOR UPDATE out."""
        await self._in.lock()
        row = await self._in.row(select(tenants.c.body).where(tenants.c.company_id == company_id).with_for_update())
        return _tenant.decode(row.body) if row else None

    async def list_tenants(self, limit: int | None = None) -> list[Tenant]:
        """All or so many, oldest first."""
        rows = await self._in.rows(select(tenants.c.body).order_by(tenants.c.created_at, tenants.c.company_id).limit(limit))
        return [_tenant.decode(row.body) for row in rows]

    async def delete_tenant(self, company_id: str) -> None:
        """Remove the tenant and every row of its own in every table."""
        if company_id == OPERATOR:
            raise ValueError("a tenant's company_id is never empty")
        await self._in.act_for(company_id)
        for table in reversed(metadata.sorted_tables):
            await self._in.write(delete(table).where(table.c.company_id == company_id))

    async def count_left(self, company_id: str) -> dict[str, int]:
        """Table -> how many rows of the tenant are in it; tables without any are left out."""
        await self._in.act_for(company_id)
        left = {}
        for table in metadata.sorted_tables:
            row = await self._in.row(select(func.count()).select_from(table).where(table.c.company_id == company_id))
            if row and row[0]:
                left[table.name] = int(row[0])
        return left

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """The key with this hash, whatever tenant it belongs to."""
        row = await self._in.row(select(api_keys).where(api_keys.c.key_hash == key_hash))
        return to_key(row) if row else None

    async def get_key(self, key_id: str) -> ApiKey | None:
        """The key of this id, whatever tenant it belongs to."""
        row = await self._in.row(select(api_keys).where(api_keys.c.key_id == key_id))
        return to_key(row) if row else None

    async def touch_key(self, key_id: str, at: datetime) -> None:
        """It was used just now; kept to the minute."""
        row = await self._in.row(select(api_keys.c.last_used_at).where(api_keys.c.key_id == key_id))
        if row and (row.last_used_at is None or at - row.last_used_at >= _USE_IS_KEPT_EVERY):
            await self._in.write(update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_at=at))

    async def find_connection(self, connection_id: str) -> tuple[str, Connection] | None:
        """company_id and Connection of this id, whatever tenant it belongs to."""
        query = select(connections.c.company_id, connections.c.body).where(connections.c.connection_id == connection_id)
        row = await self._in.row(query)
        return (row.company_id, _connection.decode(row.body)) if row else None

    async def find_connections(self, platform: str, domain: str) -> list[tuple[str, Connection]]:
        """company_id and Connection of every tenant that has this helpdesk."""
        query = select(connections.c.company_id, connections.c.body).where(
            connections.c.platform == platform, connections.c.domain == domain
        )
        rows = await self._in.rows(query.order_by(connections.c.company_id))
        return [(row.company_id, _connection.decode(row.body)) for row in rows]

    async def due_connections(self, at: datetime, limit: int) -> list[tuple[str, str]]:
        """(company_id, connection_id) of those whose `next_run_at` has come, longest overdue first."""
        query = select(connections.c.company_id, connections.c.connection_id).where(connections.c.next_run_at <= at)
        rows = await self._in.rows(query.order_by(connections.c.next_run_at, connections.c.connection_id).limit(limit))
        return [(row.company_id, row.connection_id) for row in rows]

    async def scheduled_runs(self) -> int:
        """How many runs that the clock started are queued or running, over all tenants; those that wait for their source take no place."""
        return sum(run.scheduled and run.state is not RunState.WAITING for _, run in await self._active())

    async def unfinished(self) -> list[Job]:
        """Jobs for all that is left to do.

        Active runs; Documents that are pending, processing, or failed with a next try that is due; pictures to be read;
        what webhooks told of; people who are being erased; exports.
        """
        active = await self._in.rows(select(runs.c.company_id, runs.c.run_id).where(ACTIVE_RUN).order_by(runs.c.company_id, runs.c.run_id))
        to_process: list[Job] = []
        to_read: list[Job] = []
        nudged: list[Job] = []
        erasing: list[Job] = []
        exporting: list[Job] = []
        at = now()
        for (company_id,) in await self._in.rows(select(tenants.c.company_id).order_by(tenants.c.company_id)):
            # Row-level security shows Documents to their tenant only, so each is asked for itself.
            await self._in.act_for(company_id)
            left = await self._in.row(_LEFT_TO_DO, {"of": company_id, "at": at})
            if left is not None and left.to_process:
                to_process.append(processing(company_id))
            if left is not None and left.to_read:
                to_read.append(Job(name=JobName.READ_PICTURES, company_id=company_id, subject=ALL))
            if left is not None and left.nudged:
                told = [row.connection_id for row in await self._in.rows(_NUDGED, {"of": company_id})]
                nudged += [Job(name=JobName.READ_NUDGES, company_id=company_id, subject=each, line=Line.QUICK) for each in told]
            if left is not None and left.erasing:
                begun = [row.erasure_id for row in await self._in.rows(_ERASING, {"of": company_id})]
                erasing += [Job(name=JobName.ERASE_PERSON, company_id=company_id, subject=each) for each in begun]
            if left is not None and left.exporting:
                asked = [row.export_id for row in await self._in.rows(_EXPORTING, {"of": company_id})]
                exporting += [Job(name=JobName.EXPORT_COMPANY, company_id=company_id, subject=each) for each in asked]
        return [
            *(Job(name=JobName.SYNC_CONNECTION, company_id=row.company_id, subject=row.run_id) for row in active),
            *nudged,
            *to_process,
            *to_read,
            *erasing,
            *exporting,
        ]

    async def running(self) -> list[tuple[str, Run]]:
        """company_id and Run of every Run that is running."""
        return [(company_id, run) for company_id, run in await self._active() if run.state is RunState.RUNNING]

    async def _active(self) -> list[tuple[str, Run]]:
        rows = await self._in.rows(select(runs.c.company_id, runs.c.body).where(ACTIVE_RUN).order_by(runs.c.company_id, runs.c.run_id))
        return [(row.company_id, _run.decode(row.body)) for row in rows]

    async def audit(self, entry: AuditEntry, company_id: str | None = None) -> None:
        """Write what was done to a tenant as such; without `company_id`, an operator's doing that belongs to none (or one that is gone)."""
        if company_id is not None:
            # Row security lets nobody write for a tenant but in its name.
            await self._in.also_for(company_id)
        await self._in.write(insert(audit), entry_row(company_id or OPERATOR, entry))

    async def list_audit(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        action: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> tuple[list[AuditEntry], str | None]:
        """A page of what operators did that belongs to no tenant."""
        entries = SqlAuditStore(OPERATOR, self._in)
        return await entries.list(since=since, until=until, action=action, limit=limit, after=after)

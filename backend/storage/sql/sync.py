"""A tenant's Runs, its cursors and what could not be taken."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Executable, and_, bindparam, delete, func, or_, select

from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemFailure, Run, RunState, Stream
from backend.storage.sql.pages import Place, cut
from backend.storage.sql.tables import ACTIVE_RUN, cursors, failures, runs
from backend.storage.sql.tables import failures as table_of_failures
from backend.storage.sql.transaction import AnyRow, TenantTables, batches, by_key, insert

_RUN = select(runs.c.body).where(runs.c.company_id == bindparam("of"), runs.c.run_id == bindparam("id"))
_ENDED = [state.value for state in RunState if state.ended]
_run = msgspec.json.Decoder(Run)
_mapping = msgspec.json.Decoder(dict[str, Any])


class SqlSyncStore(TenantTables):
    """SyncStore by SQL."""

    async def put_run(self, run: Run) -> None:
        """Insert or replace. Raises RUN_ACTIVE where another Run of the connection is active."""
        row = {
            "company_id": self._company_id,
            "run_id": run.run_id,
            "connection_id": run.connection_id,
            "state": run.state.value,
            "created_at": run.created_at,
            "body": run,
        }
        await self._in.upsert(runs, [row])

    async def get_run(self, run_id: str) -> Run | None:
        """One by id."""
        row = await self._in.row(_RUN, {"of": self._company_id, "id": run_id})
        return _run.decode(row.body) if row else None

    async def list_runs(self, connection_id: str | None = None, limit: int = 20, after: str | None = None) -> tuple[list[Run], str | None]:
        """A page, newest first, and the cursor of the next page. Raises INVALID_REQUEST for a cursor that is not ours."""
        query = select(runs.c.created_at, runs.c.run_id, runs.c.body).where(runs.c.company_id == self._company_id)
        if connection_id is not None:
            query = query.where(runs.c.connection_id == connection_id)
        if after is not None:
            query = query.where(Place.read(after).before(runs.c.created_at, runs.c.run_id))
        rows = await self._in.rows(query.order_by(runs.c.created_at.desc(), runs.c.run_id.desc()).limit(limit + 1))
        page, following = cut(rows, limit, lambda last: Place(last.created_at, last.run_id))
        return [_run.decode(row.body) for row in page], following

    async def forget_runs(self, connection_id: str, before: datetime, *, keep: int, limit: int) -> int:
        """Delete Runs that ended and were made before that moment, with their places; the latest `keep` stay."""
        mine = runs.c.company_id == self._company_id, runs.c.connection_id == connection_id
        newest = select(runs.c.created_at).where(*mine).order_by(runs.c.created_at.desc(), runs.c.run_id.desc())
        last = await self._in.row(newest.offset(keep - 1).limit(1))
        if last is None:
            return 0
        old = select(runs.c.run_id).where(*mine, runs.c.created_at < min(before, last.created_at), runs.c.state.in_(_ENDED))
        found = [row.run_id for row in await self._in.rows(old.order_by(runs.c.created_at, runs.c.run_id).limit(limit))]
        for some in batches(found):
            place = cursors.c.company_id == self._company_id, cursors.c.connection_id == connection_id, cursors.c.run_id.in_(some)
            await self._in.write(delete(cursors).where(*place))
            await self._in.write(delete(runs).where(runs.c.company_id == self._company_id, runs.c.run_id.in_(some)))
        return len(found)

    async def active_run(self, connection_id: str) -> Run | None:
        """The one that is queued, running or waiting; there is never more than one."""
        query = select(runs.c.body).where(runs.c.company_id == self._company_id, runs.c.connection_id == connection_id, ACTIVE_RUN)
        row = await self._in.row(query)
        return _run.decode(row.body) if row else None

    async def get_cursor(self, connection_id: str, stream: Stream, run_id: str | None = None) -> Cursor | None:
        """Where the stream stands: for incremental runs with run_id None, else the place of that one run."""
        query = select(cursors.c.position).where(
            cursors.c.company_id == self._company_id,
            cursors.c.connection_id == connection_id,
            cursors.c.stream == stream.value,
            cursors.c.run_id == (run_id or ""),
        )
        row = await self._in.row(query)
        return Cursor(stream=stream, position=_mapping.decode(row.position)) if row else None

    async def put_cursor(self, connection_id: str, cursor: Cursor, run_id: str | None = None) -> None:
        """Move it; in the same transaction as the page's Documents."""
        row = {
            "company_id": self._company_id,
            "connection_id": connection_id,
            "stream": cursor.stream.value,
            "run_id": run_id or "",
            "position": cursor.position,
        }
        await self._in.upsert(cursors, [row])

    async def put_failures(self, connection_id: str, failures: Sequence[ItemFailure]) -> None:
        """Keep them; a repeated one raises its `attempts`."""
        rows = [self._failure_row(connection_id, failure) for failure in failures]
        if rows:
            await self._in.write(_keep_failure(self._in.dialect), by_key(table_of_failures, rows))

    async def clear_failures(self, connection_id: str, doc_type: DocType, original_ids: Collection[str]) -> None:
        """They were taken after all."""
        for ids in batches(original_ids):
            taken = delete(failures).where(
                failures.c.company_id == self._company_id,
                failures.c.connection_id == connection_id,
                failures.c.doc_type == doc_type.value,
                failures.c.original_id.in_(ids),
            )
            await self._in.write(taken)

    async def list_failures(
        self, connection_id: str, limit: int = 100, *, before: datetime | None = None, after: str | None = None
    ) -> tuple[list[ItemFailure], str | None]:
        """A page and the cursor of the next one: what was tried longest ago comes first. With `before` only what was not tried since.

        Raises INVALID_REQUEST for a cursor that is not ours.
        """
        query = select(failures).where(failures.c.company_id == self._company_id, failures.c.connection_id == connection_id)
        if before is not None:
            query = query.where(failures.c.at < before)
        if after is not None:
            query = query.where(_behind(Place.read(after)))
        rows = await self._in.rows(query.order_by(failures.c.at, failures.c.doc_type, failures.c.original_id).limit(limit + 1))
        page, following = cut(rows, limit, lambda last: Place(last.at, f"{last.doc_type} {last.original_id}"))
        return [_to_failure(row) for row in page], following

    async def get_failure(self, connection_id: str, doc_type: DocType, original_id: str) -> ItemFailure | None:
        """One of them."""
        query = select(failures).where(
            failures.c.company_id == self._company_id,
            failures.c.connection_id == connection_id,
            failures.c.doc_type == doc_type.value,
            failures.c.original_id == original_id,
        )
        row = await self._in.row(query)
        return _to_failure(row) if row is not None else None

    async def count_failures(self, connection_id: str) -> int:
        """How many there are."""
        mine = failures.c.company_id == self._company_id, failures.c.connection_id == connection_id
        row = await self._in.row(select(func.count()).where(*mine))
        return int(row[0]) if row is not None else 0

    def _failure_row(self, connection_id: str, failure: ItemFailure) -> dict[str, Any]:
        return {
            "company_id": self._company_id,
            "connection_id": connection_id,
            "doc_type": failure.doc_type.value,
            "original_id": failure.original_id,
            "code": failure.code,
            "message": failure.message,
            "at": failure.at,
            "attempts": failure.attempts,
            "hint": dict(failure.hint),
            "raw": failure.raw,
        }


@cache
def _keep_failure(dialect: str) -> Executable:
    """Insert, or replace what was told last and count one attempt more; a payload once kept is not lost."""
    statement = insert(failures, dialect)
    told = {name: statement.excluded[name] for name in ("code", "message", "at", "hint")}
    kept = {"attempts": failures.c.attempts + 1, "raw": func.coalesce(statement.excluded.raw, failures.c.raw)}
    return statement.on_conflict_do_update(index_elements=list(failures.primary_key), set_=told | kept)


def _behind(place: Place) -> ColumnElement[bool]:
    """The condition for what comes behind this place, where the oldest comes first. The first part is what an index can use."""
    doc_type, _, original_id = place.row_id.partition(" ")
    at, kind = failures.c.at, failures.c.doc_type
    return and_(at >= place.at, or_(at > place.at, kind > doc_type, and_(kind == doc_type, failures.c.original_id > original_id)))


def _to_failure(row: AnyRow) -> ItemFailure:
    return ItemFailure(
        doc_type=DocType(row.doc_type),
        original_id=row.original_id,
        code=row.code,
        message=row.message,
        at=row.at,
        attempts=row.attempts,
        hint=_mapping.decode(row.hint),
        raw=row.raw,
    )

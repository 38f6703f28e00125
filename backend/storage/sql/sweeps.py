"""What complete listings of a tenant's connections named, and deletions that wait for an admin."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Executable,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    select,
    true,
)

from backend.core.model.document import DocState, DocType
from backend.core.model.sync import HeldDeletion, ItemRef
from backend.core.model.ticket import Presence
from backend.storage.sql.tables import documents, held_deletions, sightings
from backend.storage.sql.transaction import TenantTables, batches, insert

_BEGUN = ""
"""No item has this id: the row says that a sweep began."""


@cache
def _see(dialect: str) -> Executable:
    """Insert or replace a row for each of a list of ids, which is one value: a hundred rows of values cost a millisecond to bind."""
    ids = bindparam("original_id", type_=String)
    named = func.json_each(ids) if dialect == "sqlite" else func.json_array_elements_text(cast(ids, JSON))
    entry = named.table_valued("value")
    values: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in ("company_id", "connection_id", "doc_type", "run_id")}
    # Without a WHERE, SQLite takes ON CONFLICT for a join's condition: https://www.sqlite.org/lang_upsert.html#parsing_ambiguity
    rows = select(*values.values(), entry.c.value).select_from(entry).where(true())
    statement = insert(sightings, dialect).from_select([*values, "original_id"], rows)
    return statement.on_conflict_do_update(index_elements=list(sightings.primary_key), set_={"run_id": statement.excluded.run_id})


class SqlSweepStore(TenantTables):
    """SweepStore by SQL."""

    async def begin(self, connection_id: str, run_id: str, doc_type: DocType) -> None:
        """Begin a sweep; what an earlier one saw is forgotten."""
        await self.end(connection_id, doc_type)
        await self._in.upsert(sightings, [self._row(connection_id, run_id, doc_type, _BEGUN)])

    async def under_way(self, connection_id: str, run_id: str, doc_type: DocType) -> bool:
        """Whether this run's sweep began and has not ended."""
        begun = select(sightings.c.run_id).where(self._of(sightings, connection_id, doc_type), sightings.c.original_id == _BEGUN)
        row = await self._in.row(begun)
        return row is not None and row.run_id == run_id

    async def sight(self, connection_id: str, run_id: str, refs: Sequence[ItemRef]) -> None:
        """These are there."""
        statement = _see(self._in.dialect)
        for doc_type in sorted({ref.doc_type for ref in refs}):
            # In the order of the keys, see `by_key`.
            named = sorted({ref.original_id for ref in refs if ref.doc_type is doc_type})
            row = self._row(connection_id, run_id, doc_type, msgspec.json.encode(named).decode())
            await self._in.write(statement, row)

    async def missing(self, connection_id: str, doc_type: DocType, before: datetime) -> list[str]:
        """original_ids of live Documents stored before that moment which the sweep did not see."""
        seen = exists().where(self._of(sightings, connection_id, doc_type), sightings.c.original_id == documents.c.original_id)
        query = select(documents.c.original_id).where(self._live(connection_id, doc_type), documents.c.stored_at < before, ~seen)
        return [row.original_id for row in await self._in.rows(query.order_by(documents.c.original_id))]

    async def live(self, connection_id: str, doc_type: DocType) -> int:
        """How many live Documents there are."""
        row = await self._in.row(select(func.count()).select_from(documents).where(self._live(connection_id, doc_type)))
        return int(row[0]) if row else 0

    async def end(self, connection_id: str, doc_type: DocType) -> None:
        """Forget what was seen."""
        await self._in.write(delete(sightings).where(self._of(sightings, connection_id, doc_type)))

    async def hold(self, connection_id: str, held: Sequence[HeldDeletion]) -> None:
        """Keep deletions until an admin decides."""
        rows = [
            {
                "company_id": self._company_id,
                "connection_id": connection_id,
                "doc_type": each.doc_type.value,
                "original_id": each.original_id,
                "presence": each.presence.value,
                "at": each.at,
            }
            for each in held
        ]
        await self._in.upsert(held_deletions, rows)

    async def list_held(self, connection_id: str, limit: int = 100) -> list[HeldDeletion]:
        """By type and id."""
        query = select(held_deletions).where(self._held(connection_id))
        query = query.order_by(held_deletions.c.doc_type, held_deletions.c.original_id).limit(limit)
        return [
            HeldDeletion(doc_type=DocType(row.doc_type), original_id=row.original_id, presence=Presence(row.presence), at=row.at)
            for row in await self._in.rows(query)
        ]

    async def count_held(self, connection_id: str) -> int:
        """How many wait."""
        row = await self._in.row(select(func.count()).select_from(held_deletions).where(self._held(connection_id)))
        return int(row[0]) if row else 0

    async def drop_held(self, connection_id: str, doc_type: DocType | None = None, original_ids: Collection[str] | None = None) -> None:
        """They were decided on, or looked for anew: all of the connection, all of a type, or these."""
        chosen = delete(held_deletions).where(
            self._held(connection_id) if doc_type is None else self._of(held_deletions, connection_id, doc_type)
        )
        if original_ids is None:
            await self._in.write(chosen)
            return
        for some in batches(original_ids):
            await self._in.write(chosen.where(held_deletions.c.original_id.in_(some)))

    def _live(self, connection_id: str, doc_type: DocType) -> ColumnElement[bool]:
        return and_(
            self._of(documents, connection_id, doc_type),
            documents.c.state != DocState.DELETED.value,
            documents.c.presence == Presence.LIVE.value,
        )

    def _held(self, connection_id: str) -> ColumnElement[bool]:
        return and_(held_deletions.c.company_id == self._company_id, held_deletions.c.connection_id == connection_id)

    def _of(self, table: Table, connection_id: str, doc_type: DocType) -> ColumnElement[bool]:
        return and_(table.c.company_id == self._company_id, table.c.connection_id == connection_id, table.c.doc_type == doc_type.value)

    def _row(self, connection_id: str, run_id: str, doc_type: DocType, original_id: str) -> dict[str, str]:
        return {
            "company_id": self._company_id,
            "connection_id": connection_id,
            "doc_type": doc_type.value,
            "original_id": original_id,
            "run_id": run_id,
        }

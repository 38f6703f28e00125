"""A tenant's Documents."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, update
from sqlalchemy import case as when

from backend.core.model.document import FILES_LEFT, DocState, DocType, Document, PackedDocument, Standing
from backend.core.model.ticket import Presence
from backend.storage.sql import document_rows as rows
from backend.storage.sql.open_tickets import newest_open
from backend.storage.sql.packing import pack_document
from backend.storage.sql.pages import Place, cut
from backend.storage.sql.solved import SqlSolvedStore
from backend.storage.sql.tables import RETRIED
from backend.storage.sql.tables import documents as table
from backend.storage.sql.transaction import TenantTables, batches

_VERSIONS = select(table.c.original_id, table.c.source_version, table.c.content_hash).where(
    table.c.company_id == bindparam("of"),
    table.c.connection_id == bindparam("connection"),
    table.c.doc_type == bindparam("type"),
    table.c.original_id.in_(bindparam("ids", expanding=True)),
    table.c.state != DocState.DELETED.value,
)
"""Built once: it is asked for every page of a listing, and building it costs as much as running it."""
_TOUCH = (
    update(table)
    .where(table.c.company_id == bindparam("of"), table.c.document_id == bindparam("id"))
    .values(source_version=bindparam("version"))
)
_TOUCH_TIMED = _TOUCH.values(updated_at=bindparam("changed"), stored_at=bindparam("at"))
_FINISH = (
    update(table)
    .where(table.c.company_id == bindparam("of"), table.c.document_id == bindparam("id"))
    .values({name: bindparam(name) for name in rows.RESULTS})
)


class SqlDocumentStore(TenantTables):
    """DocumentStore by SQL."""

    async def versions(self, connection_id: str, doc_type: DocType, original_ids: Collection[str]) -> dict[str, tuple[str, str]]:
        """original_id -> (source_version, content_hash) of those that are stored and not deleted."""
        found: dict[str, tuple[str, str]] = {}
        for ids in batches(original_ids):
            values = {"of": self._company_id, "connection": connection_id, "type": doc_type.value, "ids": ids}
            found.update({row[0]: (row[1], row[2]) for row in await self._in.rows(_VERSIONS, values)})
        return found

    async def standing(self, document_ids: Collection[str]) -> dict[str, Standing]:
        """How the copies stand that are stored, deleted ones too; unknown ids are left out."""
        found: dict[str, Standing] = {}
        for ids in batches(document_ids):
            query = select(table.c.document_id, table.c.state, table.c.content_hash, table.c.updated_at, table.c.stored_at).where(
                table.c.company_id == self._company_id, table.c.document_id.in_(ids)
            )
            for row in await self._in.rows(query):
                found[row.document_id] = Standing(
                    state=DocState(row.state), content_hash=row.content_hash, updated_at=row.updated_at, stored_at=row.stored_at
                )
        return found

    async def put(self, documents: Sequence[Document | PackedDocument]) -> None:
        """Insert or replace whole Documents; one statement for all."""
        packed = [pack_document(self._company_id, each) if isinstance(each, Document) else each for each in documents]
        if self._in.plain:
            await self._in.upsert_plain(table, [rows.plain_row(self._company_id, each) for each in packed])
        else:
            await self._in.upsert(table, [rows.of_packed(self._company_id, each) for each in packed])

    async def touch(self, versions: Mapping[str, str], changed: Mapping[str, datetime] | None = None, at: datetime | None = None) -> None:
        """document_id -> new source_version, where an item was fetched and its content is the same.

        Those in `changed` get that `updated_at` too, and count as stored `at` this moment.
        """
        changed = changed or {}
        plain: list[dict[str, Any]] = []
        timed: list[dict[str, Any]] = []
        for document_id, version in sorted(versions.items()):
            values = {"of": self._company_id, "id": document_id, "version": version}
            if at is not None and document_id in changed:
                timed.append(values | {"changed": changed[document_id], "at": at})
            else:
                plain.append(values)
        for statement, rows_of in ((_TOUCH, plain), (_TOUCH_TIMED, timed)):
            if rows_of:
                await self._in.write(statement, rows_of)

    async def get(self, document_id: str) -> Document | None:
        """One Document."""
        row = await self._in.row(self._documents().where(table.c.document_id == document_id))
        return rows.to_document(row) if row else None

    async def get_many(self, document_ids: Collection[str]) -> dict[str, Document]:
        """Documents by id, in one query; unknown ids are left out."""
        found: dict[str, Document] = {}
        for ids in batches(document_ids):
            query = self._documents().where(table.c.document_id.in_(ids))
            found.update({row.document_id: rows.to_document(row) for row in await self._in.rows(query)})
        return found

    async def find(self, platform: str | None, doc_type: DocType, original_id: str) -> Document | None:
        """One by its platform's id; with platform None the most recently updated, a live one before a deleted one."""
        query = self._documents().where(table.c.doc_type == doc_type.value, table.c.original_id == original_id)
        if platform is not None:
            query = query.where(table.c.platform == platform)
        deleted_last = when((table.c.state == DocState.DELETED.value, 1), else_=0)
        row = await self._in.row(query.order_by(deleted_last, table.c.updated_at.desc(), table.c.document_id.desc()).limit(1))
        return rows.to_document(row) if row else None

    async def newest_open(self, limit: int) -> list[str]:
        """document_ids of indexed tickets that are neither resolved nor closed: last updated first, among the last updated Documents."""
        return [row.document_id for row in await self._in.rows(newest_open(self._company_id, limit))]

    async def claim(self, limit: int, at: datetime, *, without: Collection[str] = ()) -> list[Document]:
        """Take up to `limit`: pending ones, last updated first, then failed ones whose time has come; mark them processing."""
        await self._in.lock()
        newest = table.c.updated_at.desc(), table.c.document_id.desc()
        ready = or_(table.c.next_try_at.is_(None), table.c.next_try_at <= at)
        pending = self._documents().where(table.c.state == DocState.PENDING.value, ready)
        pending = pending.where(table.c.document_id.not_in(without)) if without else pending
        taken = [*await self._claimable(pending.order_by(*newest), limit)]
        if len(taken) < limit:
            due = self._documents().where(RETRIED, table.c.next_try_at <= at).order_by(table.c.next_try_at)
            taken += await self._claimable(due, limit - len(taken))
        for ids in batches(document.document_id for document in taken):
            mark = update(table).where(table.c.company_id == self._company_id, table.c.document_id.in_(ids))
            await self._in.write(mark.values(state=DocState.PROCESSING.value))
        return [replace(document, state=DocState.PROCESSING) for document in taken]

    async def postponed(self, at: datetime, connection_id: str | None = None) -> int:
        """How many are pending and not to be claimed before a time that is still to come."""
        query = select(func.count()).where(
            table.c.company_id == self._company_id, table.c.state == DocState.PENDING.value, table.c.next_try_at > at
        )
        if connection_id is not None:
            query = query.where(table.c.connection_id == connection_id)
        row = await self._in.row(query)
        return int(row[0]) if row else 0

    async def resume(self, error_code: str) -> int:
        """Let pending ones that wait for this reason be claimed now; returns how many."""
        waiting = update(table).where(
            table.c.company_id == self._company_id, table.c.state == DocState.PENDING.value, table.c.error_code == error_code
        )
        return await self._in.write(waiting.values(next_try_at=None, error_code=None, state_reason=""))

    async def finish(self, documents: Sequence[Document]) -> int:
        """Write state, summaries and error of Documents still processing whose stored content_hash is the same.

        Returns how many were written: a newer version is never overwritten by an older one's result.
        """
        await self._in.lock()
        processing: dict[str, str] = {}
        for ids in batches(document.document_id for document in documents):
            query = select(table.c.document_id, table.c.content_hash).where(
                table.c.company_id == self._company_id, table.c.document_id.in_(ids), table.c.state == DocState.PROCESSING.value
            )
            processing.update({row[0]: row[1] for row in await self._in.rows(query.order_by(table.c.document_id).with_for_update())})
        values = [
            {"of": self._company_id, "id": document.document_id, **rows.of_result(document)}
            for document in sorted(documents, key=lambda each: each.document_id)
            if processing.get(document.document_id) == document.content_hash
        ]
        if values:
            await self._in.write(_FINISH, values)
        return len(values)

    async def release(self, *, indexed: bool = False) -> int:
        """Back from processing to pending: what a killed process left. Returns how many.

        With `indexed` also what is in the index, to be indexed anew with the summaries it has: the index was lost or changed.
        """
        states = [DocState.PROCESSING.value, *([DocState.INDEXED.value] if indexed else ())]
        left = update(table).where(table.c.company_id == self._company_id, table.c.state.in_(states))
        return await self._in.write(left.values(state=DocState.PENDING.value))

    async def mark_deleted(self, connection_id: str, doc_type: DocType, original_ids: Mapping[str, str], at: datetime) -> list[str]:
        """original_id -> Presence value: mark as deleted, clear the texts, return document_ids that were not before.

        What stays is a tombstone: ids, times and why it is gone.
        """
        gone: list[str] = []
        if original_ids:
            await self._in.lock()
        for ids in batches(original_ids):
            query = select(table.c.document_id, table.c.original_id).where(
                self._of(connection_id, doc_type, ids), table.c.state != DocState.DELETED.value
            )
            found = await self._in.rows(query.order_by(table.c.document_id).with_for_update())
            for presence in {original_ids[row.original_id] for row in found}:
                marked = [row.document_id for row in found if original_ids[row.original_id] == presence]
                bury = update(table).where(table.c.company_id == self._company_id, table.c.document_id.in_(marked))
                await self._in.write(bury.values(rows.tombstone(Presence(presence), at)))
            gone += [row.document_id for row in found]
        if doc_type is DocType.TICKET and gone:
            # What customers wrote is forgotten everywhere: the articles it made findable are indexed anew without it.
            await self.reindex(await SqlSolvedStore(self._company_id, self._in).replace(dict.fromkeys(gone, ())))
        return gone

    async def reindex(self, document_ids: Collection[str], *, summarize: bool = False) -> int:
        """Back to pending, with the summaries they have, or with `summarize` without; returns how many.

        Those being processed begin again: they know too little.
        """
        changes = {"state": DocState.PENDING.value} | ({"summaries": None} if summarize else {})
        count = 0
        states = (DocState.INDEXED.value, DocState.PROCESSING.value)
        for ids in batches(document_ids):
            again = update(table).where(table.c.company_id == self._company_id, table.c.document_id.in_(ids), table.c.state.in_(states))
            count += await self._in.write(again.values(changes))
        return count

    async def retry(self, error_codes: Collection[str] = ()) -> int:
        """Back from failed to pending, as if never tried; with `error_codes` those that failed for one of them. Returns how many."""
        stuck = update(table).where(table.c.company_id == self._company_id, table.c.state == DocState.FAILED.value)
        if error_codes:
            stuck = stuck.where(table.c.error_code.in_(error_codes))
        fresh = {"state": DocState.PENDING.value, "state_reason": "", "error_code": None, "attempts": 0, "next_try_at": None}
        return await self._in.write(stuck.values(**fresh))

    async def buried(self, connection_id: str, limit: int) -> dict[str, tuple[DocType, str]]:
        """document_id -> type and original_id of deleted ones whose files and payloads are still to be erased."""
        query = select(table.c.document_id, table.c.doc_type, table.c.original_id).where(
            table.c.company_id == self._company_id,
            table.c.connection_id == connection_id,
            table.c.state == DocState.DELETED.value,
            table.c.state_reason == FILES_LEFT,
        )
        rows_found = await self._in.rows(query.order_by(table.c.document_id).limit(limit))
        return {row.document_id: (DocType(row.doc_type), row.original_id) for row in rows_found}

    async def erased(self, document_ids: Collection[str]) -> None:
        """Nothing is left of them but the tombstone."""
        for ids in batches(document_ids):
            done = update(table).where(
                table.c.company_id == self._company_id, table.c.document_id.in_(ids), table.c.state == DocState.DELETED.value
            )
            await self._in.write(done.values(state_reason=""))

    async def counts(self, connection_id: str | None = None) -> dict[DocState, int]:
        """How many in each state."""
        query = select(table.c.state, func.count()).where(table.c.company_id == self._company_id).group_by(table.c.state)
        if connection_id is not None:
            query = query.where(table.c.connection_id == connection_id)
        counted = {row[0]: row[1] for row in await self._in.rows(query)}
        return {state: counted.get(state.value, 0) for state in DocState}

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
        """A page, last updated first, and the cursor of the next page; `text` is looked for in titles, whatever its case.

        With `ticket_groups` no tickets but those of a group with one of these marks. Deleted ones are listed only when asked for by
        state. Raises INVALID_REQUEST for a cursor that is not ours.
        """
        query = self._documents().where(table.c.state.in_([s.value for s in states]) if states else table.c.state != DocState.DELETED.value)
        if doc_types:
            query = query.where(table.c.doc_type.in_([t.value for t in doc_types]))
        if connection_id is not None:
            query = query.where(table.c.connection_id == connection_id)
        if text:
            query = query.where(table.c.title.icontains(text, autoescape=True))
        if ticket_groups is not None:
            found_by = [column.in_(sorted(ticket_groups)) for column in (table.c.group_id, table.c.group_name)]
            query = query.where(or_(table.c.doc_type != DocType.TICKET.value, *found_by))
        if after is not None:
            query = query.where(Place.read(after).before(table.c.updated_at, table.c.document_id))
        query = query.order_by(table.c.updated_at.desc(), table.c.document_id.desc()).limit(limit + 1)
        found = [rows.to_document(row) for row in await self._in.rows(query)]
        return cut(found, limit, lambda last: Place(last.updated_at, last.document_id))

    def _documents(self) -> Select[Any]:
        return select(*rows.COLUMNS).where(table.c.company_id == self._company_id)

    def _of(self, connection_id: str, doc_type: DocType, original_ids: Sequence[str]) -> ColumnElement[bool]:
        return and_(
            table.c.company_id == self._company_id,
            table.c.connection_id == connection_id,
            table.c.doc_type == doc_type.value,
            table.c.original_id.in_(original_ids),
        )

    async def _claimable(self, query: Select[Any], limit: int) -> Sequence[Document]:
        """Up to `limit` that no other process has a hold on."""
        if limit <= 0:
            return []
        return [rows.to_document(row) for row in await self._in.rows(query.limit(limit).with_for_update(skip_locked=True))]

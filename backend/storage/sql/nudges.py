"""What webhooks told of and is still to be read, and which deliveries were taken."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Executable, and_, bindparam, delete, select

from backend.core.model.document import DocType
from backend.core.model.webhook import Nudge
from backend.storage.sql.tables import deliveries, nudges
from backend.storage.sql.transaction import TenantTables, batches, by_key, insert


class SqlNudgeStore(TenantTables):
    """NudgeStore by SQL."""

    async def note(self, nudges: Sequence[Nudge]) -> None:
        """Keep them; an item that is told of again keeps its `at` and gets the newer `mark`."""
        rows = {
            (each.connection_id, each.doc_type, each.original_id): {
                "company_id": self._company_id,
                "connection_id": each.connection_id,
                "doc_type": each.doc_type.value,
                "original_id": each.original_id,
                "at": each.at,
                "mark": each.mark,
            }
            for each in nudges
        }
        if rows:
            await self._in.write(_note(self._in.dialect), by_key(_nudges, rows.values()))

    async def due(self, connection_id: str, before: datetime | None, limit: int) -> list[Nudge]:
        """Those noted at or before that moment, or all, oldest first."""
        query = select(nudges).where(self._mine(connection_id))
        query = query if before is None else query.where(nudges.c.at <= before)
        rows = await self._in.rows(query.order_by(nudges.c.at, nudges.c.doc_type, nudges.c.original_id).limit(limit))
        return [
            Nudge(connection_id=connection_id, doc_type=DocType(row.doc_type), original_id=row.original_id, at=row.at, mark=row.mark)
            for row in rows
        ]

    async def done(self, nudges: Sequence[Nudge]) -> None:
        """They were read. One that was told of again meanwhile (its `mark` is another) stays."""
        read = [
            {"of": self._company_id, "at": each.connection_id, "kind": each.doc_type.value, "item": each.original_id, "read": each.mark}
            for each in sorted(nudges, key=lambda each: (each.connection_id, each.doc_type, each.original_id))
        ]
        if read:
            # All at once: while these are deleted no webhook can be noted.
            await self._in.write(_DONE, read)

    async def seen(self, connection_id: str, digests: Collection[str]) -> set[str]:
        """Which of these deliveries were taken before."""
        found: set[str] = set()
        for some in batches(digests):
            query = select(deliveries.c.digest).where(self._taken(connection_id), deliveries.c.digest.in_(some))
            found |= {row.digest for row in await self._in.rows(query)}
        return found

    async def remember(self, connection_id: str, digests: Collection[str], at: datetime) -> None:
        """These deliveries are taken."""
        rows = [
            {"company_id": self._company_id, "connection_id": connection_id, "digest": digest, "at": at}
            for digest in dict.fromkeys(digests)
        ]
        await self._in.upsert(deliveries, rows)

    async def forget(self, connection_id: str, before: datetime) -> None:
        """Forget deliveries taken before that moment: they are too old to be believed anyway."""
        await self._in.write(delete(deliveries).where(self._taken(connection_id), deliveries.c.at < before))

    def _mine(self, connection_id: str) -> ColumnElement[bool]:
        return and_(_nudges.c.company_id == self._company_id, _nudges.c.connection_id == connection_id)

    def _taken(self, connection_id: str) -> ColumnElement[bool]:
        return and_(deliveries.c.company_id == self._company_id, deliveries.c.connection_id == connection_id)


_nudges = nudges
_DONE: Final = delete(nudges).where(
    nudges.c.company_id == bindparam("of"),
    nudges.c.connection_id == bindparam("at"),
    nudges.c.doc_type == bindparam("kind"),
    nudges.c.original_id == bindparam("item"),
    nudges.c.mark == bindparam("read"),
)


@cache
def _note(dialect: str) -> Executable:
    """Insert, or say that the item was told of again."""
    statement = insert(nudges, dialect)
    return statement.on_conflict_do_update(index_elements=list(nudges.primary_key), set_={"mark": statement.excluded.mark})

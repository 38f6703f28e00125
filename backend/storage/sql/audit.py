"""Who did what; entries are only ever added."""

import secrets
import time
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import insert, select

from backend.core.model.tenant import AuditEntry
from backend.storage.sql.pages import Place, cut
from backend.storage.sql.tables_judged import audit as table
from backend.storage.sql.transaction import TenantTables

OPERATOR: Final = ""
"""The company_id of what belongs to no tenant: no tenant can have it."""
_entry = msgspec.json.Decoder(AuditEntry)


class SqlAuditStore(TenantTables):
    """AuditStore by SQL."""

    async def add(self, entry: AuditEntry) -> None:
        """Write one; there is no changing or deleting."""
        await self._in.write(insert(table), entry_row(self._company_id, entry))

    async def list(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        action: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> tuple[list[AuditEntry], str | None]:
        """A page, newest first and of one moment the one written last first, and the cursor of the next page.

        Those at or after `since` and before `until`. Raises INVALID_REQUEST for a cursor that is not ours.
        """
        query = select(table.c.at, table.c.entry_id, table.c.body).where(table.c.company_id == self._company_id)
        if since is not None:
            query = query.where(table.c.at >= since)
        if until is not None:
            query = query.where(table.c.at < until)
        if actor is not None:
            query = query.where(table.c.actor == actor)
        if action is not None:
            query = query.where(table.c.action == action)
        if after is not None:
            query = query.where(Place.read(after).before(table.c.at, table.c.entry_id))
        rows = await self._in.rows(query.order_by(table.c.at.desc(), table.c.entry_id.desc()).limit(limit + 1))
        page, following = cut(rows, limit, lambda last: Place(last.at, last.entry_id))
        return [_entry.decode(row.body) for row in page], following


def entry_row(company_id: str, entry: AuditEntry) -> dict[str, Any]:
    """The columns of an entry; its id rises with the time it is written."""
    return {
        "company_id": company_id,
        "entry_id": f"{time.time_ns():020d}-{secrets.token_hex(4)}",
        "at": entry.at,
        "body": entry,
        "actor": entry.actor,
        "action": entry.action,
    }

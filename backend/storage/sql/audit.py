"""Who did what; entries are only ever added."""

import secrets
import time
from typing import Any, Final

import msgspec
from sqlalchemy import insert, select

from backend.core.model.tenant import AuditEntry
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

    async def list(self, limit: int = 100) -> list[AuditEntry]:
        """Newest first; of one moment, the one written last first."""
        query = select(table.c.body).where(table.c.company_id == self._company_id)
        rows = await self._in.rows(query.order_by(table.c.at.desc(), table.c.entry_id.desc()).limit(limit))
        return [_entry.decode(row.body) for row in rows]


def entry_row(company_id: str, entry: AuditEntry) -> dict[str, Any]:
    """The columns of an entry; its id rises with the time it is written."""
    return {
        "company_id": company_id,
        "entry_id": f"{time.time_ns():020d}-{secrets.token_hex(4)}",
        "at": entry.at,
        "body": entry,
    }

"""A tenant's API keys."""

import msgspec
from msgspec.structs import replace
from sqlalchemy import select

from backend.core.model.tenant import ApiKey
from backend.storage.sql.tables import api_keys as table
from backend.storage.sql.transaction import AnyRow, TenantTables

_key = msgspec.json.Decoder(ApiKey)


class SqlKeyStore(TenantTables):
    """KeyStore by SQL."""

    async def put(self, key: ApiKey) -> None:
        """Insert or replace. The tenant is this transaction's, whatever the key says."""
        row = {
            "company_id": self._company_id,
            "key_id": key.key_id,
            "key_hash": key.key_hash,
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "body": replace(key, company_id=self._company_id),
        }
        await self._in.upsert(table, [row])

    async def get(self, key_id: str) -> ApiKey | None:
        """One by id."""
        row = await self._in.row(select(table).where(table.c.company_id == self._company_id, table.c.key_id == key_id))
        return to_key(row) if row else None

    async def list(self) -> list[ApiKey]:
        """All, oldest first."""
        query = select(table).where(table.c.company_id == self._company_id)
        return [to_key(row) for row in await self._in.rows(query.order_by(table.c.created_at, table.c.key_id))]


def to_key(row: AnyRow) -> ApiKey:
    """The key of a row; when it was used last has a column of its own."""
    return replace(_key.decode(row.body), last_used_at=row.last_used_at)

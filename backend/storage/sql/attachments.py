"""What became of a tenant's attachments."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import delete, select

from backend.core.model.document import AttachmentFile
from backend.storage.sql.tables import WAITING_FILE
from backend.storage.sql.tables import attachments as table
from backend.storage.sql.transaction import TenantTables, batches

_file = msgspec.json.Decoder(AttachmentFile)


class SqlAttachmentStore(TenantTables):
    """AttachmentStore by SQL."""

    async def put(self, files: Sequence[AttachmentFile]) -> None:
        """Insert or replace."""
        rows = [
            {
                "company_id": self._company_id,
                "attachment_id": file.attachment_id,
                "document_id": file.document_id,
                "state": file.state.value,
                "body": file,
            }
            for file in files
        ]
        await self._in.upsert(table, rows)

    async def get(self, attachment_id: str) -> AttachmentFile | None:
        """One by id."""
        query = select(table.c.body).where(table.c.company_id == self._company_id, table.c.attachment_id == attachment_id)
        row = await self._in.row(query)
        return _file.decode(row.body) if row else None

    async def waiting(self, limit: int) -> list[AttachmentFile]:
        """Up to `limit` whose pictures are still to be read."""
        query = select(table.c.body).where(table.c.company_id == self._company_id, WAITING_FILE)
        rows = await self._in.rows(query.order_by(table.c.attachment_id).limit(limit))
        return [_file.decode(row.body) for row in rows]

    async def of(self, document_ids: Collection[str]) -> list[AttachmentFile]:
        """All of these Documents, in one query, by document and id."""
        found: list[AttachmentFile] = []
        for ids in batches(document_ids):
            query = select(table.c.body).where(table.c.company_id == self._company_id, table.c.document_id.in_(ids))
            rows = await self._in.rows(query.order_by(table.c.document_id, table.c.attachment_id))
            found += [_file.decode(row.body) for row in rows]
        return found

    async def in_use(self, blob_keys: Collection[str], *, without: Collection[str]) -> list[str]:
        """Those of these files that an attachment of a Document not among `without` is."""
        key = table.c.body.op("->>")("blob_key")
        found: list[str] = []
        for keys in batches(blob_keys):
            others = table.c.document_id.not_in(list(without))
            query = select(key).distinct().where(table.c.company_id == self._company_id, key.in_(keys), others)
            found += [row[0] for row in await self._in.rows(query)]
        return found

    async def delete(self, document_ids: Collection[str]) -> None:
        """Forget all of these Documents; their blobs are the caller's to delete."""
        for ids in batches(document_ids):
            await self._in.write(delete(table).where(table.c.company_id == self._company_id, table.c.document_id.in_(ids)))

"""Which tickets are open: asked in a way that looks at few rows, however many are closed."""

from typing import Any, Final

from sqlalchemy import Select, select

from backend.core.model.document import DocState, DocType
from backend.core.model.ticket import Status
from backend.core.ports.stores import LOOKED_AT
from backend.storage.sql.tables import documents as table

_OPEN: Final = [status.value for status in Status if status not in (Status.RESOLVED, Status.CLOSED)]


def newest_open(company_id: str, limit: int) -> Select[Any]:
    """document_id of indexed tickets that are open, last updated first, among the tenant's last updated Documents."""
    newest = select(table.c.document_id, table.c.doc_type, table.c.status, table.c.updated_at).where(
        table.c.company_id == company_id, table.c.state == DocState.INDEXED.value
    )
    newest = newest.order_by(table.c.updated_at.desc(), table.c.document_id.desc()).limit(limit * LOOKED_AT)
    last = newest.subquery()
    tickets = select(last.c.document_id).where(last.c.doc_type == DocType.TICKET.value, last.c.status.in_(_OPEN))
    return tickets.order_by(last.c.updated_at.desc(), last.c.document_id.desc()).limit(limit)

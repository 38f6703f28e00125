"""JSON of the audit log."""

from datetime import datetime

from backend.api.schemas.base import Out


class AuditEntryOut(Out):
    """One thing somebody did."""

    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, str]
    request_id: str | None

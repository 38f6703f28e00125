"""Tables of what an admin asks for and takes minutes: exports of a company, erasures of people; otherwise as in tables.py."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, String, Table

from backend.storage.sql.columns import Json, UtcTime, company, metadata


def _asked(name: str, key: str) -> Table:
    """Found by its id, listed newest first, and taken up by its state."""
    return Table(
        name,
        metadata,
        company(),
        Column(key, String(64), nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Column("state", String(16), nullable=False),
        Column("body", Json, nullable=False),
        PrimaryKeyConstraint("company_id", key),
        Index(None, "company_id", "created_at", key),
        Index(None, "company_id", "state"),
    )


exports = _asked("exports", "export_id")
erasures = _asked("erasures", "erasure_id")

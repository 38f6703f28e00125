"""The table of people whose data was erased; otherwise as in tables.py."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, String, Table

from backend.storage.sql.columns import Json, UtcTime, company, metadata

erasures = Table(
    "erasures",
    metadata,
    company(),
    Column("erasure_id", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "erasure_id"),
    Index(None, "company_id", "created_at", "erasure_id"),
    Index(None, "company_id", "state"),
)

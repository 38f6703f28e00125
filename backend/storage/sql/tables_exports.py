"""The table of exports of whole companies; otherwise as in tables.py."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, String, Table

from backend.storage.sql.columns import Json, UtcTime, company, metadata

exports = Table(
    "exports",
    metadata,
    company(),
    Column("export_id", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "export_id"),
    Index(None, "company_id", "created_at", "export_id"),
    Index(None, "company_id", "state"),
)

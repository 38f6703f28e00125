"""Tables of what is spent, found, answered, judged and done; otherwise as in tables.py."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from backend.storage.sql.columns import Json, UtcTime, company, metadata

usage = Table(
    "usage",
    metadata,
    company(),
    Column("day", Date, nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("calls", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("unpriced_calls", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("company_id", "day", "provider", "model", "purpose"),
    postgresql_partition_by="RANGE (day)",
)

paid_results = Table(
    "paid_results",
    metadata,
    company(),
    Column("cache_key", String(128), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("stored_at", UtcTime, nullable=False),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("company_id", "cache_key", "stored_at"),
    postgresql_partition_by="RANGE (stored_at)",
)

budgets = Table(
    "budgets",
    metadata,
    company(),
    Column("owner", String(16), nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "owner"),
)

solved = Table(
    "solved",
    metadata,
    company(),
    Column("article_id", String(64), nullable=False),
    Column("ticket_id", String(64), nullable=False),
    PrimaryKeyConstraint("company_id", "article_id", "ticket_id"),
    Index(None, "company_id", "ticket_id"),
)

calibrations = Table(
    "calibrations",
    metadata,
    company(),
    Column("made_by", String(255), nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "made_by"),
)

index_marks = Table(
    "index_marks",
    metadata,
    company(),
    Column("mark", String(64), nullable=False),
    PrimaryKeyConstraint("company_id"),
)

answers = Table(
    "answers",
    metadata,
    company(),
    Column("answer_id", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "answer_id", "created_at"),
    postgresql_partition_by="RANGE (created_at)",
)

feedback = Table(
    "feedback",
    metadata,
    company(),
    Column("caller", String(255), nullable=False),
    Column("answer_id", String(64), nullable=False),
    Column("document_id", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "caller", "answer_id", "document_id"),
    Index(None, "company_id", "document_id"),
    Index(None, "company_id", "at"),
)

audit = Table(
    "audit",
    metadata,
    company(of_tenant=False),
    Column("entry_id", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
    Column("actor", Text),
    Column("action", Text),
    PrimaryKeyConstraint("company_id", "at", "entry_id"),
    Index(None, "company_id", "actor", "at", "entry_id"),
    Index(None, "company_id", "action", "at", "entry_id"),
    postgresql_partition_by="RANGE (at)",
)

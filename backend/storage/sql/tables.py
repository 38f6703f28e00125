"""Tables of tenants and of what is read of their helpdesks: columns, keys (each begins with company_id), an index for every query."""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from backend.storage.sql.columns import Json, UtcTime, company, metadata

ACTIVE_RUN = text("state IN ('queued', 'running', 'waiting')")
"""Written out, not bound, so that the planner sees that the partial index on active runs answers the query."""

RETRIED = text("state = 'failed' AND next_try_at IS NOT NULL")
"""Failed Documents that are to be tried again; written out for the same reason."""

IN_GROUP = text("(group_id IS NOT NULL OR group_name IS NOT NULL)")
"""Tickets whose group is known; likewise."""

WAITING_FILE = text("state = 'waiting'")
"""Attachments whose pictures are still to be read: few at any time."""


tenants = Table(
    "tenants",
    metadata,
    company(of_tenant=False),
    Column("created_at", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    company(),
    Column("key_id", String(64), nullable=False),
    Column("key_hash", String(128), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "key_id"),
    Index(None, "key_hash", unique=True),
    Index(None, "key_id"),
)

connections = Table(
    "connections",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("domain", String(255), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_run_at", UtcTime),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "connection_id"),
    Index(None, "company_id", "platform", "domain", unique=True),
    Index(None, "platform", "domain"),
    Index(None, "next_run_at"),
    Index(None, "connection_id"),
)

documents = Table(
    "documents",
    metadata,
    company(),
    Column("document_id", String(64), nullable=False),
    Column("connection_id", String(64), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("doc_type", String(16), nullable=False),
    Column("original_id", String(255), nullable=False),
    Column("title", Text, nullable=False),
    Column("status", String(32)),
    Column("presence", String(16), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("source_version", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text, nullable=False),
    Column("error_code", String(64)),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("stored_at", UtcTime, nullable=False),
    Column("indexed_at", UtcTime),
    Column("content", Json, nullable=False),
    Column("summaries", Json),
    Column("group_id", Text),
    Column("group_name", Text),
    PrimaryKeyConstraint("company_id", "document_id"),
    Index(None, "company_id", "updated_at", "document_id"),
    Index(None, "company_id", "state", "updated_at", "document_id"),
    Index(None, "company_id", "connection_id", "state"),
    Index(None, "company_id", "doc_type", "original_id"),
)
Index("ix_documents_retried", documents.c.company_id, documents.c.next_try_at, sqlite_where=RETRIED, postgresql_where=RETRIED)
_OF_GROUP = (documents.c.company_id, documents.c.group_id, documents.c.group_name)
Index("ix_documents_group", *_OF_GROUP, sqlite_where=IN_GROUP, postgresql_where=IN_GROUP)

attachments = Table(
    "attachments",
    metadata,
    company(),
    Column("attachment_id", String(255), nullable=False),
    Column("document_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "attachment_id"),
    Index(None, "company_id", "document_id"),
    Index("ix_attachments_waiting", "company_id", sqlite_where=WAITING_FILE, postgresql_where=WAITING_FILE),
)

runs = Table(
    "runs",
    metadata,
    company(),
    Column("run_id", String(64), nullable=False),
    Column("connection_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "run_id"),
    Index(None, "company_id", "created_at", "run_id"),
    Index(None, "company_id", "connection_id", "created_at", "run_id"),
)
ONE_ACTIVE_RUN = "uq_runs_active"
Index(ONE_ACTIVE_RUN, runs.c.company_id, runs.c.connection_id, unique=True, sqlite_where=ACTIVE_RUN, postgresql_where=ACTIVE_RUN)

cursors = Table(
    "cursors",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("stream", String(32), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("position", Json, nullable=False),
    PrimaryKeyConstraint("company_id", "connection_id", "stream", "run_id"),
)

failures = Table(
    "failures",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("doc_type", String(16), nullable=False),
    Column("original_id", String(255), nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("hint", Json, nullable=False),
    Column("raw", LargeBinary),
    PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id"),
    Index(None, "company_id", "connection_id", "at", "doc_type", "original_id"),
)

sightings = Table(
    "sightings",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("doc_type", String(16), nullable=False),
    Column("original_id", String(255), nullable=False),
    Column("run_id", String(64), nullable=False),
    PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id"),
)

held_deletions = Table(
    "held_deletions",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("doc_type", String(16), nullable=False),
    Column("original_id", String(255), nullable=False),
    Column("presence", String(16), nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id"),
)

nudges = Table(
    "nudges",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("doc_type", String(16), nullable=False),
    Column("original_id", String(255), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("mark", String(32), nullable=False),
    PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id"),
    Index(None, "company_id", "connection_id", "at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    company(),
    Column("connection_id", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("company_id", "connection_id", "digest"),
    Index(None, "company_id", "connection_id", "at"),
)

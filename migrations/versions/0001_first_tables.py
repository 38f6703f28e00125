"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_ACTIVE_RUN = sa.text("state IN ('queued', 'running', 'waiting')")
_RETRIED = sa.text("state = 'failed' AND next_try_at IS NOT NULL")
_TABLES = (
    "tenants",
    "api_keys",
    "connections",
    "documents",
    "attachments",
    "runs",
    "cursors",
    "failures",
    "usage",
    "paid_results",
    "answers",
    "feedback",
    "audit",
)


def upgrade() -> None:
    """Go to this revision."""
    _make_tenants()
    _make_documents()
    _make_sync()
    _make_usage()
    _make_feedback()


def downgrade() -> None:
    """Go back to an empty database."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _make_tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("company_id", name="pk_tenants"),
    )
    op.create_table(
        "api_keys",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.String(length=128), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_api_keys_company_id"),
        sa.PrimaryKeyConstraint("company_id", "key_id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_key_hash", "api_keys", ["key_hash"], unique=True)
    op.create_index("ix_api_keys_key_id", "api_keys", ["key_id"])
    op.create_table(
        "connections",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=64), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_connections_company_id"),
        sa.PrimaryKeyConstraint("company_id", "connection_id", name="pk_connections"),
    )
    op.create_index("ix_connections_company_id_platform_domain", "connections", ["company_id", "platform", "domain"], unique=True)
    op.create_table(
        "audit",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("company_id", "entry_id", name="pk_audit"),
    )
    op.create_index("ix_audit_company_id_at_entry_id", "audit", ["company_id", "at", "entry_id"])


def _make_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=64), nullable=False),
        sa.Column("doc_type", sa.String(length=16), nullable=False),
        sa.Column("original_id", sa.String(length=255), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=True),
        sa.Column("presence", sa.String(length=16), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("source_version", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("stored_at", _TIME, nullable=False),
        sa.Column("indexed_at", _TIME, nullable=True),
        sa.Column("content", _JSON, nullable=False),
        sa.Column("summaries", _JSON, nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_documents_company_id"),
        sa.PrimaryKeyConstraint("company_id", "document_id", name="pk_documents"),
    )
    op.create_index("ix_documents_company_id_connection_id_state", "documents", ["company_id", "connection_id", "state"])
    op.create_index("ix_documents_company_id_doc_type_original_id", "documents", ["company_id", "doc_type", "original_id"])
    op.create_index(
        "ix_documents_company_id_state_updated_at_document_id", "documents", ["company_id", "state", "updated_at", "document_id"]
    )
    op.create_index("ix_documents_company_id_updated_at_document_id", "documents", ["company_id", "updated_at", "document_id"])
    op.create_index("ix_documents_retried", "documents", ["company_id", "next_try_at"], sqlite_where=_RETRIED, postgresql_where=_RETRIED)
    op.create_table(
        "attachments",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("attachment_id", sa.String(length=255), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_attachments_company_id"),
        sa.PrimaryKeyConstraint("company_id", "attachment_id", name="pk_attachments"),
    )
    op.create_index("ix_attachments_company_id_document_id", "attachments", ["company_id", "document_id"])
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_attachments_waiting", "attachments", ["company_id"], sqlite_where=waiting, postgresql_where=waiting)


def _make_sync() -> None:
    op.create_table(
        "runs",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_runs_company_id"),
        sa.PrimaryKeyConstraint("company_id", "run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_company_id_connection_id_created_at_run_id", "runs", ["company_id", "connection_id", "created_at", "run_id"])
    op.create_index("ix_runs_company_id_created_at_run_id", "runs", ["company_id", "created_at", "run_id"])
    op.create_index(
        "uq_runs_active", "runs", ["company_id", "connection_id"], unique=True, sqlite_where=_ACTIVE_RUN, postgresql_where=_ACTIVE_RUN
    )
    op.create_table(
        "cursors",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("position", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_cursors_company_id"),
        sa.PrimaryKeyConstraint("company_id", "connection_id", "stream", "run_id", name="pk_cursors"),
    )
    op.create_table(
        "failures",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("doc_type", sa.String(length=16), nullable=False),
        sa.Column("original_id", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("hint", _JSON, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_failures_company_id"),
        sa.PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id", name="pk_failures"),
    )
    op.create_index("ix_failures_company_id_connection_id_at", "failures", ["company_id", "connection_id", "at"])


def _make_usage() -> None:
    op.create_table(
        "usage",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_usage_company_id"),
        sa.PrimaryKeyConstraint("company_id", "day", "provider", "model", "purpose", name="pk_usage"),
    )
    op.create_table(
        "paid_results",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("cache_key", sa.String(length=128), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("stored_at", _TIME, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_paid_results_company_id"),
        sa.PrimaryKeyConstraint("company_id", "cache_key", name="pk_paid_results"),
    )


def _make_feedback() -> None:
    op.create_table(
        "answers",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_answers_company_id"),
        sa.PrimaryKeyConstraint("company_id", "answer_id", name="pk_answers"),
    )
    op.create_table(
        "feedback",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("caller", sa.String(length=255), nullable=False),
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_feedback_company_id"),
        sa.PrimaryKeyConstraint("company_id", "caller", "answer_id", "document_id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_company_id_document_id", "feedback", ["company_id", "document_id"])

"""Usage and the audit log by months: in PostgreSQL a partition each, made ahead and dropped whole by two functions.

Who may call them need not own the tables (`backend/storage/sql/monthly.py`). Partitions are reached through their table, by its
policies; directly they show nobody anything. A partition's key has to be part of the primary key, so the log's begins with the
time, in SQLite as well.
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.storage.sql import monthly

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_OPERATORS = "current_setting('app.operator', true) = 'on' AND company_id = ''"
_USAGE = "company_id, day, provider, model, purpose, calls, input_tokens, output_tokens, cost_usd, unpriced_calls"
_AUDIT = "company_id, entry_id, at, body"
_TABLES = {"usage": "day", "audit": "at"}
"""Each with the column of its months."""


def upgrade() -> None:
    """Go to this revision."""
    monthly.take_time()
    if monthly.is_postgres():
        granted = monthly.grants("usage")
        monthly.set_aside("usage")
        _make_usage(postgresql_partition_by="RANGE (day)")
        monthly.make_rest("usage")
    monthly.set_aside("audit")
    _make_audit("company_id", "at", "entry_id", postgresql_partition_by="RANGE (at)")
    if not monthly.is_postgres():
        _move_audit()
        return
    monthly.make_rest("audit")
    monthly.move("usage", _USAGE)
    _move_audit()
    for table in _TABLES:
        monthly.secure(table)
        monthly.secure(f"{table}_rest")
    _make_policies()
    monthly.make_functions(_TABLES)
    monthly.grant_again([*_TABLES], granted)
    monthly.make_first_months()


def downgrade() -> None:
    """Go back to the revision before: one table each again."""
    monthly.take_time()
    granted = monthly.grants("usage") if monthly.is_postgres() else []
    monthly.set_aside("audit")
    _make_audit("company_id", "entry_id")
    _move_audit()
    op.create_index("ix_audit_company_id_at_entry_id", "audit", ["company_id", "at", "entry_id"])
    if not monthly.is_postgres():
        return
    monthly.set_aside("usage")
    _make_usage()
    monthly.move("usage", _USAGE)
    op.execute("DROP FUNCTION desklore_drop_months(text, date)")
    op.execute("DROP FUNCTION desklore_make_months(date)")
    for table in _TABLES:
        monthly.secure(table)
    monthly.grant_again([*_TABLES], granted)
    _make_policies()


def _make_usage(**options: str) -> None:
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
        sa.Column("unpriced_calls", sa.Integer(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_usage_company_id"),
        sa.PrimaryKeyConstraint("company_id", "day", "provider", "model", "purpose", name="pk_usage"),
        **options,
    )


def _make_audit(*key: str, **options: str) -> None:
    op.create_table(
        "audit",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_audit"),
        **options,
    )


def _move_audit() -> None:
    if not monthly.is_postgres():
        op.execute("DROP INDEX IF EXISTS ix_audit_company_id_at_entry_id")
    monthly.move("audit", _AUDIT)


def _make_policies() -> None:
    for table in _TABLES:
        monthly.make_tenant_policy(table)
    op.execute(f"CREATE POLICY written_by_operator ON audit FOR INSERT WITH CHECK ({_OPERATORS})")
    op.execute(f"CREATE POLICY read_by_operator ON audit FOR SELECT USING ({_OPERATORS})")

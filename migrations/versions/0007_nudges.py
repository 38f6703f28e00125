"""What webhooks told of and is still to be read, and which deliveries were taken already; row-level security as in 0006."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = ("nudges", "deliveries")
_MINE = "company_id = nullif(current_setting('app.company_id', true), '')"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "nudges",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("doc_type", sa.String(length=16), nullable=False),
        sa.Column("original_id", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_nudges_company_id"),
        sa.PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id", name="pk_nudges"),
    )
    op.create_index("ix_nudges_company_id_connection_id_at", "nudges", ["company_id", "connection_id", "at"])
    op.create_table(
        "deliveries",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_deliveries_company_id"),
        sa.PrimaryKeyConstraint("company_id", "connection_id", "digest", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_company_id_connection_id_at", "deliveries", ["company_id", "connection_id", "at"])
    op.create_index("ix_connections_connection_id", "connections", ["connection_id"])
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_tenant ON {table} USING ({_MINE}) WITH CHECK ({_MINE})")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_connections_connection_id", "connections")
    for table in reversed(_TABLES):
        op.drop_table(table)

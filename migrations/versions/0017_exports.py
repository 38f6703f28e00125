"""Exports of whole companies; row-level security as in 0006."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MINE = "company_id = nullif(current_setting('app.company_id', true), '')"
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "exports",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("export_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_exports_company_id"),
        sa.PrimaryKeyConstraint("company_id", "export_id", name="pk_exports"),
    )
    op.create_index("ix_exports_company_id_created_at_export_id", "exports", ["company_id", "created_at", "export_id"])
    op.create_index("ix_exports_company_id_state", "exports", ["company_id", "state"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE exports ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE exports FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_tenant ON exports USING ({_MINE}) WITH CHECK ({_MINE})")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("exports")

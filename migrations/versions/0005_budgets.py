"""How much models may cost a tenant, and calls whose cost nobody knows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "budgets",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("owner", sa.String(length=16), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_budgets_company_id"),
        sa.PrimaryKeyConstraint("company_id", "owner", name="pk_budgets"),
    )
    op.add_column("usage", sa.Column("unpriced_calls", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_column("usage", "unpriced_calls")
    op.drop_table("budgets")

"""Which tickets were solved with which article, and thresholds for saying that the sources don't answer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "solved",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_solved_company_id"),
        sa.PrimaryKeyConstraint("company_id", "article_id", "ticket_id", name="pk_solved"),
    )
    op.create_table(
        "calibrations",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("made_by", sa.String(length=255), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_calibrations_company_id"),
        sa.PrimaryKeyConstraint("company_id", "made_by", name="pk_calibrations"),
    )
    op.create_index("ix_solved_company_id_ticket_id", "solved", ["company_id", "ticket_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("calibrations")
    op.drop_table("solved")

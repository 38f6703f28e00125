"""Which tickets were solved with which article."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"
branch_labels = None
depends_on = None


def _do_no_harm() -> None:
    """A migration that has to wait for a busy table gives up instead of making everybody wait behind it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
        op.execute("SET LOCAL statement_timeout = '60s'")


def upgrade() -> None:
    """Go to this revision."""
    _do_no_harm()
    op.create_table(
        "solved",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_solved_company_id"),
        sa.PrimaryKeyConstraint("company_id", "article_id", "ticket_id", name="pk_solved"),
    )
    op.create_index("ix_solved_company_id_ticket_id", "solved", ["company_id", "ticket_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    _do_no_harm()
    op.drop_table("solved")

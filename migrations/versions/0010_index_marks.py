"""What tells every process that a tenant's index was changed; row-level security as in 0006."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MINE = "company_id = nullif(current_setting('app.company_id', true), '')"


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "index_marks",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_index_marks_company_id"),
        sa.PrimaryKeyConstraint("company_id", name="pk_index_marks"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE index_marks ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE index_marks FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_tenant ON index_marks USING ({_MINE}) WITH CHECK ({_MINE})")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("index_marks")

"""What complete listings named, and deletions that wait for an admin."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    _make("sightings", sa.Column("run_id", sa.String(length=64), nullable=False))
    _make(
        "held_deletions",
        sa.Column("presence", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("held_deletions")
    op.drop_table("sightings")


def _make(name: str, *columns: sa.Column) -> None:
    op.create_table(
        name,
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("doc_type", sa.String(length=16), nullable=False),
        sa.Column("original_id", sa.String(length=255), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name=f"fk_{name}_company_id"),
        sa.PrimaryKeyConstraint("company_id", "connection_id", "doc_type", "original_id", name=f"pk_{name}"),
    )

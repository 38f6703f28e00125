"""When a connection is synced by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("connections", sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_connections_next_run_at", "connections", ["next_run_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_connections_next_run_at", "connections")
    op.drop_column("connections", "next_run_at")

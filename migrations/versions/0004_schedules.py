"""When a connection is synced by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
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
    op.add_column("connections", sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_connections_next_run_at", "connections", ["next_run_at"])


def downgrade() -> None:
    """Go back."""
    _do_no_harm()
    op.drop_index("ix_connections_next_run_at", "connections")
    op.drop_column("connections", "next_run_at")

"""A helpdesk's connections are found by its domain, whatever tenant they are of; a ticket's group is known by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"
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
    op.create_index("ix_connections_platform_domain", "connections", ["platform", "domain"])
    op.add_column("documents", sa.Column("group_id", sa.Text()))
    op.add_column("documents", sa.Column("group_name", sa.Text()))


def downgrade() -> None:
    """Go back to the revision before."""
    _do_no_harm()
    op.drop_column("documents", "group_name")
    op.drop_column("documents", "group_id")
    op.drop_index("ix_connections_platform_domain", table_name="connections")

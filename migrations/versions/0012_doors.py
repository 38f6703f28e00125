"""A helpdesk's connections are found by its domain, whatever tenant they are of; a ticket's group is known by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_index("ix_connections_platform_domain", "connections", ["platform", "domain"])
    op.add_column("documents", sa.Column("group_id", sa.Text()))
    op.add_column("documents", sa.Column("group_name", sa.Text()))


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_column("documents", "group_name")
    op.drop_column("documents", "group_id")
    op.drop_index("ix_connections_platform_domain", table_name="connections")

"""The groups that tickets are in are read from an index."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_IN_GROUP = sa.text("(group_id IS NOT NULL OR group_name IS NOT NULL)")


def upgrade() -> None:
    """Go to this revision."""
    op.create_index(
        "ix_documents_group",
        "documents",
        ["company_id", "group_id", "group_name"],
        sqlite_where=_IN_GROUP,
        postgresql_where=_IN_GROUP,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_documents_group", table_name="documents")

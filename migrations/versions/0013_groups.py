"""The groups that tickets are in are read from an index."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_IN_GROUP = sa.text("(group_id IS NOT NULL OR group_name IS NOT NULL)")


def _do_no_harm() -> None:
    """A migration that has to wait for a busy table gives up instead of making everybody wait behind it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
        op.execute("SET LOCAL statement_timeout = '60s'")


def upgrade() -> None:
    """Go to this revision."""
    _do_no_harm()
    op.create_index(
        "ix_documents_group",
        "documents",
        ["company_id", "group_id", "group_name"],
        sqlite_where=_IN_GROUP,
        postgresql_where=_IN_GROUP,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    _do_no_harm()
    op.drop_index("ix_documents_group", table_name="documents")

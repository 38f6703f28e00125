"""Items that could not be taken are read page by page, in the order of an index."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BEFORE = ("company_id", "connection_id", "at")
_NOW = (*_BEFORE, "doc_type", "original_id")


def upgrade() -> None:
    """Go to this revision."""
    _make(_NOW)
    op.drop_index(_name(_BEFORE), table_name="failures")


def downgrade() -> None:
    """Go back to the revision before."""
    _make(_BEFORE)
    op.drop_index(_name(_NOW), table_name="failures")


def _make(columns: tuple[str, ...]) -> None:
    op.create_index(_name(columns), "failures", [*columns])


def _name(columns: tuple[str, ...]) -> str:
    return f"ix_failures_{'_'.join(columns)}"

"""Entries of the audit log are found by who did it and by what was done.

Columns of their own: PostgreSQL looks into a JSON value only after row-level security has let its row through, so no index of
an expression over it would be used (https://www.postgresql.org/docs/current/rules-privileges.html).
"""

import sqlalchemy as sa
from alembic import op

from backend.storage.sql import monthly

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = ("actor", "action")


def upgrade() -> None:
    """Go to this revision."""
    monthly.take_time()
    for column in _COLUMNS:
        op.add_column("audit", sa.Column(column, sa.Text()))
    _fill()
    for column in _COLUMNS:
        op.create_index(f"ix_audit_company_id_{column}_at_entry_id", "audit", ["company_id", column, "at", "entry_id"])


def downgrade() -> None:
    """Go back to the revision before."""
    for column in reversed(_COLUMNS):
        op.drop_index(f"ix_audit_company_id_{column}_at_entry_id", table_name="audit")
        op.drop_column("audit", column)


def _fill() -> None:
    """From the entries there are; in PostgreSQL everybody's are open to the owner meanwhile."""
    if not monthly.is_postgres():
        op.execute("UPDATE audit SET actor = json_extract(body, '$.actor'), action = json_extract(body, '$.action')")
        return
    op.execute("ALTER TABLE audit NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE audit SET actor = body ->> 'actor', action = body ->> 'action'")
    op.execute("ALTER TABLE audit FORCE ROW LEVEL SECURITY")

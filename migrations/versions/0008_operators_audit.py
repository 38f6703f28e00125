"""The operator may read what operators did, so that a backup holds it.

Until now such entries could be written and never read. PostgreSQL only. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE POLICY read_by_operator ON audit FOR SELECT USING (current_setting('app.operator', true) = 'on' AND company_id = '')"
        )


def downgrade() -> None:
    """Go back to the revision before."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP POLICY read_by_operator ON audit")

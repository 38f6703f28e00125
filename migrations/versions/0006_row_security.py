"""Row-level security: a transaction sees and writes the rows of the tenant it names, whatever its queries say.

    app.company_id   the tenant of a transaction; unset or empty: none
    app.operator     'on' in the few transactions over the list of tenants; it opens what those need and no more

An operator's transaction that has to look at a tenant's Documents names that tenant for as long. Both are set with
set_config(..., true), so they end with the transaction. FORCE makes the policies hold for the owner of the tables too.
PostgreSQL only: SQLite has no roles. And one index, in both. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OF_TENANTS = (
    *("api_keys", "connections", "documents", "attachments", "runs", "cursors", "failures", "sightings", "held_deletions"),
    *("usage", "paid_results", "budgets", "solved", "calibrations", "answers", "feedback", "audit"),
)
_MINE = "company_id = nullif(current_setting('app.company_id', true), '')"
_OPERATOR = "current_setting('app.operator', true) = 'on'"
_READ_BY_OPERATOR = ("api_keys", "connections", "runs")
"""Whose a key is, what is due, and what runs. Not the large tables: beside a second policy the planner can't tell any more that a
tenant's rows are all that is looked at, expects far too few, and sorts them all where an index has them in order."""


def upgrade() -> None:
    """Go to this revision."""
    op.create_index("ix_feedback_company_id_at", "feedback", ["company_id", "at"])
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("tenants", *_OF_TENANTS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in _OF_TENANTS:
        op.execute(f"CREATE POLICY of_tenant ON {table} USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute(f"CREATE POLICY of_tenant ON tenants FOR SELECT USING ({_MINE})")
    op.execute(f"CREATE POLICY by_operator ON tenants USING ({_OPERATOR}) WITH CHECK ({_OPERATOR})")
    for table in _READ_BY_OPERATOR:
        op.execute(f"CREATE POLICY read_by_operator ON {table} FOR SELECT USING ({_OPERATOR})")
    op.execute(f"CREATE POLICY used_by_operator ON api_keys FOR UPDATE USING ({_OPERATOR}) WITH CHECK ({_OPERATOR})")
    op.execute(f"CREATE POLICY written_by_operator ON audit FOR INSERT WITH CHECK ({_OPERATOR} AND company_id = '')")


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("ix_feedback_company_id_at", "feedback")
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP POLICY written_by_operator ON audit")
    op.execute("DROP POLICY used_by_operator ON api_keys")
    for table in _READ_BY_OPERATOR:
        op.execute(f"DROP POLICY read_by_operator ON {table}")
    op.execute("DROP POLICY by_operator ON tenants")
    for table in ("tenants", *_OF_TENANTS):
        op.execute(f"DROP POLICY of_tenant ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

"""Usage and the audit log by months: in PostgreSQL a partition each, made ahead and dropped whole by two functions.

    desklore_make_months(until)          this month to that one, and those of rows that found no month when they were written
    desklore_drop_months(table, before)  the months that ended before that day; never this one or the one before

Who may call them need not own the tables. Partitions are reached through their table, by its policies; directly they show nobody
anything. A partition's key has to be part of the primary key, so the log's begins with the time, in SQLite as well.
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_MINE = "company_id = nullif(current_setting('app.company_id', true), '')"
_OPERATORS = "current_setting('app.operator', true) = 'on' AND company_id = ''"
_USAGE = "company_id, day, provider, model, purpose, calls, input_tokens, output_tokens, cost_usd, unpriced_calls"
_AUDIT = "company_id, entry_id, at, body"
_AHEAD = "date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months'"
_LIMITS = "SET search_path = {schema}, pg_temp SET lock_timeout = '5s' SET timezone = 'UTC'"

_MAKE = """
CREATE FUNCTION desklore_make_months(until date) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER {limits} AS $$
DECLARE
  made text[] := '{{}}';
  parent text; rest text; part text; ordered text; month date; above date; months date[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('desklore_months', 0));
  -- Attaching rows looks their tenants up, by the policies.
  PERFORM set_config('app.operator', 'on', true);
  FOREACH parent IN ARRAY ARRAY['usage', 'audit'] LOOP
    ordered := CASE parent WHEN 'usage' THEN 'day' ELSE 'at' END;
    rest := parent || '_rest';
    months := ARRAY(SELECT generate_series(date_trunc('month', now()), until::timestamptz, '1 month')::date);
    IF pg_relation_size(to_regclass(format('%I', rest))) > 0 THEN
      EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', rest);
      EXECUTE format('SELECT $1 || ARRAY(SELECT DISTINCT date_trunc(''month'', %I)::date FROM %I WHERE %I >= ''2000-01-01'' '
        'AND %I < ''2100-01-01'')', ordered, rest, ordered, ordered) INTO months USING months;
    END IF;
    FOREACH month IN ARRAY months LOOP
      part := parent || to_char(month, '"_y"YYYY"m"MM');
      above := month + interval '1 month';
      CONTINUE WHEN to_regclass(format('%I', part)) IS NOT NULL;
      EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', rest);
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
      EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        rest, ordered, month, ordered, above, part);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, month, above);
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
      made := made || part;
    END LOOP;
    IF NOT (SELECT relforcerowsecurity FROM pg_class WHERE oid = to_regclass(format('%I', rest))) THEN
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', rest);
    END IF;
  END LOOP;
  RETURN made;
END $$
"""
_DROP = """
CREATE FUNCTION desklore_drop_months(parent text, before date) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER {limits} AS $$
DECLARE
  dropped text[] := '{{}}';
  part text;
BEGIN
  IF parent NOT IN ('usage', 'audit') OR before > date_trunc('month', now()) - interval '1 month' THEN
    RAISE EXCEPTION 'only months of usage and audit that ended before the last one may be dropped';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('desklore_months', 0));
  FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(format('%I', parent)) AND c.relname ~ '_y[0-9]{{4}}m[0-9]{{2}}$'
      AND to_date(right(c.relname, 7), 'YYYY"m"MM') + interval '1 month' <= before
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    dropped := dropped || part;
  END LOOP;
  RETURN dropped;
END $$
"""


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _do_no_harm() -> None:
    """A migration that has to wait for a busy table gives up; moving the rows of years may take its time."""
    if _is_postgres():
        op.execute("SET LOCAL lock_timeout = '5s'")
        op.execute("SET LOCAL statement_timeout = '900s'")


def upgrade() -> None:
    """Go to this revision."""
    _do_no_harm()
    if _is_postgres():
        granted = _grants("usage")
        _set_aside("usage")
        _make_usage(postgresql_partition_by="RANGE (day)")
        op.execute("CREATE TABLE usage_rest PARTITION OF usage DEFAULT")
    _set_aside("audit")
    _make_audit("company_id", "at", "entry_id", postgresql_partition_by="RANGE (at)")
    if not _is_postgres():
        _move("audit", _AUDIT)
        return
    op.execute("CREATE TABLE audit_rest PARTITION OF audit DEFAULT")
    _move("usage", _USAGE)
    _move("audit", _AUDIT)
    for table in ("usage", "usage_rest", "audit", "audit_rest"):
        _secure(table)
    _make_policies()
    _make_functions()
    for table in ("usage", "audit"):
        for privilege, grantee in granted:
            op.execute(f"GRANT {privilege} ON {table} TO {grantee}")
    op.execute(f"SELECT desklore_make_months(({_AHEAD})::date)")


def downgrade() -> None:
    """Go back to the revision before: one table each again."""
    _do_no_harm()
    granted = _grants("usage") if _is_postgres() else []
    _set_aside("audit")
    _make_audit("company_id", "entry_id")
    _move("audit", _AUDIT)
    op.create_index("ix_audit_company_id_at_entry_id", "audit", ["company_id", "at", "entry_id"])
    if not _is_postgres():
        return
    _set_aside("usage")
    _make_usage()
    _move("usage", _USAGE)
    op.execute("DROP FUNCTION desklore_drop_months(text, date)")
    op.execute("DROP FUNCTION desklore_make_months(date)")
    for table in ("usage", "audit"):
        _secure(table)
        for privilege, grantee in granted:
            op.execute(f"GRANT {privilege} ON {table} TO {grantee}")
    _make_policies()


def _make_usage(**options: str) -> None:
    op.create_table(
        "usage",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("unpriced_calls", sa.Integer(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name="fk_usage_company_id"),
        sa.PrimaryKeyConstraint("company_id", "day", "provider", "model", "purpose", name="pk_usage"),
        **options,
    )


def _make_audit(*key: str, **options: str) -> None:
    op.create_table(
        "audit",
        sa.Column("company_id", sa.String(length=63), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_audit"),
        **options,
    )


def _set_aside(table: str) -> None:
    """The table under another name, its rows open to whoever migrates."""
    op.rename_table(table, f"{table}_before")
    if _is_postgres():
        op.execute(f"ALTER TABLE {table}_before RENAME CONSTRAINT pk_{table} TO pk_{table}_before")
        for part in (f"{table}_before", *_parts(f"{table}_before")):
            op.execute(f"ALTER TABLE {part} NO FORCE ROW LEVEL SECURITY")


def _move(table: str, columns: str) -> None:
    """The rows into the new table, and the old one away, which takes its indexes and partitions with it."""
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_before")  # noqa: S608 - names from this file
    if not _is_postgres() and table == "audit":
        op.execute("DROP INDEX IF EXISTS ix_audit_company_id_at_entry_id")
    op.drop_table(f"{table}_before")


def _parts(table: str) -> list[str]:
    query = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:of)")
    found = op.get_bind().execute(query, {"of": table})
    return [str(row[0]) for row in found]


def _grants(table: str) -> list[tuple[str, str]]:
    """What others than the owner may do with it: the release before goes on working while this one starts."""
    query = """SELECT privilege_type, quote_ident(grantee) FROM information_schema.role_table_grants
        WHERE table_schema = current_schema() AND table_name = :table AND grantee <> current_user AND privilege_type <> 'TRUNCATE'"""
    return [(str(row[0]), str(row[1])) for row in op.get_bind().execute(sa.text(query), {"table": table})]


def _secure(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _make_policies() -> None:
    for table in ("usage", "audit"):
        op.execute(f"CREATE POLICY of_tenant ON {table} USING ({_MINE}) WITH CHECK ({_MINE})")
    op.execute(f"CREATE POLICY written_by_operator ON audit FOR INSERT WITH CHECK ({_OPERATORS})")
    op.execute(f"CREATE POLICY read_by_operator ON audit FOR SELECT USING ({_OPERATORS})")


def _make_functions() -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    limits = _LIMITS.format(schema=schema)
    for function in (_MAKE, _DROP):
        op.get_bind().exec_driver_sql(function.format(limits=limits))
    op.execute("REVOKE ALL ON FUNCTION desklore_make_months(date), desklore_drop_months(text, date) FROM PUBLIC")

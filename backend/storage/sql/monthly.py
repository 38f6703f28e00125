"""How migrations part a table by months: it is set aside, made anew, filled again, and looked after by two functions of its owner.

    desklore_make_months(until)          this month to that one, and those of rows that found no month when they were written
    desklore_drop_months(table, before)  the months that ended before that day; never this one or the one before

What is here belongs to migrations that were published: add to it, and change nothing of what it makes.
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op

MINE: Final = "company_id = nullif(current_setting('app.company_id', true), '')"
"""Whose a row is, as policies have it."""
_AHEAD: Final = "date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months'"
_LIMITS: Final = "SET search_path = {schema}, pg_temp SET lock_timeout = '5s' SET timezone = 'UTC'"

_MAKE: Final = """
CREATE OR REPLACE FUNCTION desklore_make_months(until date) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER {limits} AS $$
DECLARE
  made text[] := '{{}}';
  parent text; rest text; part text; ordered text; month date; above date; months date[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('desklore_months', 0));
  -- Attaching rows looks their tenants up, by the policies.
  PERFORM set_config('app.operator', 'on', true);
  FOREACH parent IN ARRAY ARRAY[{names}] LOOP
    ordered := CASE parent {columns} END;
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
_DROP: Final = """
CREATE OR REPLACE FUNCTION desklore_drop_months(parent text, before date) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER {limits} AS $$
DECLARE
  dropped text[] := '{{}}';
  part text;
BEGIN
  IF parent NOT IN ({names}) OR before > date_trunc('month', now()) - interval '1 month' THEN
    RAISE EXCEPTION 'only months of {listed} that ended before the last one may be dropped';
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
Grants = Sequence[tuple[str, str]]
"""Privilege and role."""


def is_postgres() -> bool:
    """Whether the migration runs over PostgreSQL; SQLite has no partitions."""
    return op.get_bind().dialect.name == "postgresql"


def take_time() -> None:
    """Moving the rows of years takes longer than a migration may otherwise."""
    if is_postgres():
        op.execute("SET LOCAL statement_timeout = '900s'")


def set_aside(table: str) -> None:
    """The table under another name, its rows open to whoever migrates."""
    op.rename_table(table, f"{table}_before")
    if is_postgres():
        op.execute(f"ALTER TABLE {table}_before RENAME CONSTRAINT pk_{table} TO pk_{table}_before")
        for part in (f"{table}_before", *_parts(f"{table}_before")):
            op.execute(f"ALTER TABLE {part} NO FORCE ROW LEVEL SECURITY")


def make_rest(table: str) -> None:
    """The partition of rows that have no month, which takes all of them at first."""
    op.execute(f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT")


def move(table: str, columns: str) -> None:
    """The rows into the new table, and the old one away, which takes its indexes and partitions with it."""
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_before")  # noqa: S608 - names from migrations
    op.drop_table(f"{table}_before")


def secure(table: str) -> None:
    """Row-level security, for the owner too; without a policy it shows nobody anything."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def make_tenant_policy(table: str) -> None:
    """A tenant's rows are its own."""
    op.execute(f"CREATE POLICY of_tenant ON {table} USING ({MINE}) WITH CHECK ({MINE})")


def grants(table: str) -> Grants:
    """What others than the owner may do with it: the release before goes on working while this one starts."""
    query = """SELECT privilege_type, quote_ident(grantee) FROM information_schema.role_table_grants
        WHERE table_schema = current_schema() AND table_name = :table AND grantee <> current_user AND privilege_type <> 'TRUNCATE'"""
    return [(str(row[0]), str(row[1])) for row in op.get_bind().execute(sa.text(query), {"table": table})]


def grant_again(tables: Sequence[str], granted: Grants) -> None:
    """The same rights on the tables that were made anew."""
    for table in tables:
        for privilege, grantee in granted:
            op.execute(f"GRANT {privilege} ON {table} TO {grantee}")


def make_functions(tables: Mapping[str, str]) -> None:
    """The two functions for these tables, each with the column of its months, in place of those there are."""
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    *others, last = tables
    fields = {
        "limits": _LIMITS.format(schema=schema),
        "names": ", ".join(f"'{table}'" for table in tables),
        "columns": " ".join(f"WHEN '{table}' THEN '{column}'" for table, column in tables.items()),
        "listed": f"{', '.join(others)} and {last}",
    }
    for function in (_MAKE, _DROP):
        op.get_bind().exec_driver_sql(function.format(**fields))
    op.execute("REVOKE ALL ON FUNCTION desklore_make_months(date), desklore_drop_months(text, date) FROM PUBLIC")


def make_first_months() -> None:
    """Months of the rows there are, of this month and of the next three."""
    op.execute(f"SELECT desklore_make_months(({_AHEAD})::date)")


def _parts(table: str) -> list[str]:
    query = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:of)")
    found = op.get_bind().execute(query, {"of": table})
    return [str(row[0]) for row in found]

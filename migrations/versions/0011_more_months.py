"""Answers and paid results by months as well, as usage and the audit log are since 0009.

Their time becomes part of the primary key, behind the id: a row is looked for by its id, in each month's index.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.storage.sql import monthly

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_BEFORE = {"usage": "day", "audit": "at"}
_TABLES = {"answers": "created_at", "paid_results": "stored_at"}
"""Each with the column of its months."""


def upgrade() -> None:
    """Go to this revision."""
    monthly.take_time()
    granted = _remake(by_months=True)
    if monthly.is_postgres():
        for table in _TABLES:
            monthly.secure(f"{table}_rest")
        monthly.make_functions(_BEFORE | _TABLES)
        monthly.grant_again([*_TABLES], granted)
        monthly.make_first_months()


def downgrade() -> None:
    """Go back to the revision before: one table each again, of each result the latest."""
    monthly.take_time()
    granted = _remake(by_months=False)
    if monthly.is_postgres():
        monthly.make_functions(_BEFORE)
        monthly.grant_again([*_TABLES], granted)


def _remake(*, by_months: bool) -> monthly.Grants:
    granted = monthly.grants("answers") if monthly.is_postgres() else []
    for make, table in ((_make_answers, "answers"), (_make_paid_results, "paid_results")):
        monthly.set_aside(table)
        columns = make(by_months=by_months)
        if by_months and monthly.is_postgres():
            monthly.make_rest(table)
        if not by_months:
            _leave_latest(table, *columns[:2], _TABLES[table])
        monthly.move(table, ", ".join(columns))
        if monthly.is_postgres():
            monthly.secure(table)
            monthly.make_tenant_policy(table)
    return granted


def _leave_latest(table: str, company: str, key: str, time: str) -> None:
    """Without the time in the key one row of each is left."""
    before = f"{table}_before"
    same = f"later.{company} = {before}.{company} AND later.{key} = {before}.{key} AND later.{time} > {before}.{time}"
    op.execute(f"DELETE FROM {before} WHERE EXISTS (SELECT 1 FROM {before} AS later WHERE {same})")  # noqa: S608 - names from this file


def _make_answers(*, by_months: bool) -> list[str]:
    return _make(
        "answers",
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        by_months=by_months,
    )


def _make_paid_results(*, by_months: bool) -> list[str]:
    return _make(
        "paid_results",
        sa.Column("cache_key", sa.String(length=128), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("stored_at", _TIME, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        by_months=by_months,
    )


def _make(table: str, *columns: sa.Column[object], by_months: bool) -> list[str]:
    """The empty table, its first column of these its key; the names of all its columns."""
    names = ["company_id", *(column.name for column in columns)]
    key, options = names[:2], {}
    if by_months:
        key, options = [*names[:2], _TABLES[table]], {"postgresql_partition_by": f"RANGE ({_TABLES[table]})"}
    op.create_table(
        table,
        sa.Column("company_id", sa.String(length=63), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["company_id"], ["tenants.company_id"], name=f"fk_{table}_company_id"),
        sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
        **options,
    )
    return names

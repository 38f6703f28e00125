"""What piles up goes by months: in PostgreSQL partitions that are made ahead and dropped whole, in SQLite rows that are deleted."""

import re
from datetime import UTC, date, datetime, time
from typing import Any, Final

from sqlalchemy import Column, Date, bindparam, delete, func, select

from backend.core.model.retention import KeptMonths, Log, Retention
from backend.storage.sql.tables_judged import answers, audit, paid_results, usage
from backend.storage.sql.transaction import Transaction

AHEAD_MONTHS: Final = 3
"""So many months have their partition before they begin; a row without one lies in the rest until there is one."""
_MONTH_OF: Final[dict[Log, Column[Any]]] = {
    Log.USAGE: usage.c.day,
    Log.AUDIT: audit.c.at,
    Log.ANSWERS: answers.c.created_at,
    Log.PAID_RESULTS: paid_results.c.stored_at,
}
"""What tells the month of a row."""
_PARTITION: Final = re.compile(rf"({'|'.join(Log)})_(rest|y\d{{4}}m\d{{2}})")
_MAKE: Final = select(func.desklore_make_months(bindparam("until", type_=Date())))
_DROP: Final = select(func.desklore_drop_months(bindparam("log"), bindparam("before", type_=Date())))


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether a table is one of those that `tables.py` names, and not a part of one: what alembic shall compare."""
    return kind != "table" or name is None or _PARTITION.fullmatch(name) is None


async def keep_months(transaction: Transaction, retention: Retention, today: date) -> KeptMonths:
    """Make what is needed soon and drop what nobody wants any more. In PostgreSQL by functions of the tables' owner (`monthly.py`)."""
    if transaction.dialect != "postgresql":
        return KeptMonths(dropped=await _delete_rows(transaction, retention, today))
    row = await transaction.row(_MAKE, {"until": months_before(today, -AHEAD_MONTHS)})
    dropped: list[str] = []
    for log, months in retention.limits():
        found = await transaction.row(_DROP, {"log": log.value, "before": months_before(today, months)})
        dropped += found[0] if found else []
    return KeptMonths(made=list(row[0]) if row else [], dropped=dropped)


def months_before(day: date, months: int) -> date:
    """The first day of the month so many months before the day's own; after it, where `months` is negative."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


async def _delete_rows(transaction: Transaction, retention: Retention, today: date) -> list[str]:
    dropped = []
    for log, months in retention.limits():
        before, column = months_before(today, months), _MONTH_OF[log]
        old = column < (before if isinstance(column.type, Date) else datetime.combine(before, time(), UTC))
        if await transaction.row(select(1).where(old).limit(1)):
            await transaction.write(delete(column.table).where(old))
            dropped.append(f"{log.value} before {before}")
    return dropped

"""What models cost a tenant, and results that were paid for."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache

from sqlalchemy import Executable, select

from backend.core.clock import now
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.storage.sql.tables_judged import paid_results
from backend.storage.sql.tables_judged import usage as table
from backend.storage.sql.transaction import TenantTables, batches, by_key, insert

_FIGURES = ("calls", "input_tokens", "output_tokens", "cost_usd", "unpriced_calls")


class SqlUsageStore(TenantTables):
    """UsageStore by SQL."""

    async def add(self, rows: Sequence[UsageRow]) -> None:
        """Add to the day's figures."""
        values = [
            {
                "company_id": self._company_id,
                "day": row.day,
                "provider": row.provider,
                "model": row.model,
                "purpose": row.purpose.value,
                **{figure: getattr(row.usage, figure) for figure in _FIGURES},
            }
            for row in rows
        ]
        if values:
            await self._in.write(_add(self._in.dialect), by_key(table, values))

    async def list(self, since: date, until: date) -> list[UsageRow]:
        """Rows of these days, both included."""
        query = select(table).where(table.c.company_id == self._company_id, table.c.day >= since, table.c.day <= until)
        rows = await self._in.rows(query.order_by(table.c.day, table.c.provider, table.c.model, table.c.purpose))
        return [
            UsageRow(
                day=row.day,
                provider=row.provider,
                model=row.model,
                purpose=Purpose(row.purpose),
                usage=Usage(**{figure: getattr(row, figure) for figure in _FIGURES}),
            )
            for row in rows
        ]

    async def get_cached(self, keys: Collection[str]) -> dict[str, bytes]:
        """Paid-for results by key (hash of content, model and prompt version)."""
        found: dict[str, bytes] = {}
        for some in batches(keys):
            query = select(paid_results.c.cache_key, paid_results.c.value).where(
                paid_results.c.company_id == self._company_id, paid_results.c.cache_key.in_(some)
            )
            # Two processes that paid for the same at once both kept it: the later one counts.
            found.update({row[0]: row[1] for row in await self._in.rows(query.order_by(paid_results.c.stored_at))})
        return found

    async def put_cached(self, entries: Mapping[str, bytes], purpose: Purpose) -> None:
        """Keep them."""
        at = now()
        rows = [
            {"company_id": self._company_id, "cache_key": key, "purpose": purpose.value, "stored_at": at, "value": value}
            for key, value in entries.items()
        ]
        await self._in.upsert(paid_results, rows)


@cache
def _add(dialect: str) -> Executable:
    """Insert, or add every figure to what is there."""
    statement = insert(table, dialect)
    sums = {figure: table.c[figure] + statement.excluded[figure] for figure in _FIGURES}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)

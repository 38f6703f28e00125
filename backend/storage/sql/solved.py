"""Which of a tenant's tickets were solved with which of its articles."""

from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, select

from backend.core.ports.stores import MOST_QUESTIONS
from backend.storage.sql.tables import solved as table
from backend.storage.sql.transaction import TenantTables, batches


class SqlSolvedStore(TenantTables):
    """SolvedStore by SQL."""

    async def replace(self, links: Mapping[str, Collection[str]]) -> list[str]:
        """Ticket -> the articles it was solved with, none of them: no more. Returns the articles whose tickets changed."""
        if not links:
            return []
        known: set[tuple[str, str]] = set()
        for ids in batches(links):
            query = select(table.c.article_id, table.c.ticket_id).where(table.c.company_id == self._company_id, table.c.ticket_id.in_(ids))
            known |= {(row.article_id, row.ticket_id) for row in await self._in.rows(query)}
        wanted = {(article, ticket) for ticket, articles in links.items() for article in articles}
        changed: set[str] = set()
        for article, ticket in known - wanted:
            of_pair = (table.c.article_id == article, table.c.ticket_id == ticket)
            await self._in.write(delete(table).where(table.c.company_id == self._company_id, *of_pair))
            changed.add(article)
        added = sorted(wanted - known)
        counts = await self._counts({article for article, _ in added}) if added else {}
        rows = []
        for article, ticket in added:
            if counts.get(article, 0) < MOST_QUESTIONS:
                counts[article] = counts.get(article, 0) + 1
                rows.append({"company_id": self._company_id, "article_id": article, "ticket_id": ticket})
                changed.add(article)
        if rows:
            await self._in.write(table.insert(), rows)
        return sorted(changed)

    async def of_articles(self, article_ids: Collection[str]) -> dict[str, list[str]]:
        """Article -> its tickets; articles without any are left out."""
        found: dict[str, list[str]] = {}
        for ids in batches(article_ids):
            query = select(table.c.article_id, table.c.ticket_id).where(table.c.company_id == self._company_id, table.c.article_id.in_(ids))
            for row in await self._in.rows(query.order_by(table.c.article_id, table.c.ticket_id)):
                found.setdefault(row.article_id, []).append(row.ticket_id)
        return found

    async def _counts(self, article_ids: Collection[str]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for ids in batches(article_ids):
            query = select(table.c.article_id, func.count()).where(table.c.company_id == self._company_id, table.c.article_id.in_(ids))
            counts |= {row[0]: row[1] for row in await self._in.rows(query.group_by(table.c.article_id))}
        return counts

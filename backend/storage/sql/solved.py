"""Which of a tenant's tickets were solved with which of its articles."""

from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, select

from backend.core.ports.stores import MOST_QUESTIONS
from backend.storage.sql.tables_judged import solved as table
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
        touched = sorted({article for article, _ in known ^ wanted})
        before = await self.of_articles(touched)
        for article, ticket in known - wanted:
            of_pair = (table.c.article_id == article, table.c.ticket_id == ticket)
            await self._in.write(delete(table).where(table.c.company_id == self._company_id, *of_pair))
        rows = [{"company_id": self._company_id, "article_id": article, "ticket_id": ticket} for article, ticket in sorted(wanted - known)]
        if rows:
            await self._in.write(table.insert(), rows)
        after = await self.of_articles(touched)
        return [article for article in touched if before.get(article) != after.get(article)]

    async def of_articles(self, article_ids: Collection[str]) -> dict[str, list[str]]:
        """Article -> its tickets, the same few whatever order they came in; articles without any are left out."""
        found: dict[str, list[str]] = {}
        for ids in batches(article_ids):
            place = func.row_number().over(partition_by=table.c.article_id, order_by=table.c.ticket_id).label("place")
            query = select(table.c.article_id, table.c.ticket_id, place)
            ranked = query.where(table.c.company_id == self._company_id, table.c.article_id.in_(ids)).subquery()
            first = select(ranked).where(ranked.c.place <= MOST_QUESTIONS).order_by(ranked.c.article_id, ranked.c.place)
            for row in await self._in.rows(first):
                found.setdefault(row.article_id, []).append(row.ticket_id)
        return found

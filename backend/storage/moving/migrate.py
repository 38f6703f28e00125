"""From one database to another: rows are compared and only those that differ are written, so it can be given again at any time."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from msgspec import Raw, Struct
from sqlalchemy import Table, and_, delete

from backend.core.errors import AppError, Code
from backend.storage.moving.progress import Progress, Tell, silent
from backend.storage.sql.audit import OPERATOR
from backend.storage.sql.directory import SqlDirectory
from backend.storage.sql.engine import Engines
from backend.storage.sql.snapshot import Snapshot, snapshot, tables_of
from backend.storage.sql.tables import runs
from backend.storage.sql.tables_judged import audit
from backend.storage.sql.transaction import insert
from backend.storage.sql.unit_of_work import over_all
from backend.storage.sql.whole_rows import TABLES, Row, of_json, same_everywhere

_PASSES: Final = 4
"""While the source is in use, each pass finds less to do; after so many it has to be stopped for the last one."""
_AT_ONCE: Final = 100
Key = tuple[Any, ...]


class TableCheck(Struct, frozen=True, kw_only=True):
    """One table of one company, as it is in both databases."""

    company_id: str
    table: str
    rows: int
    target_rows: int
    sha256: str
    target_sha256: str

    @property
    def same(self) -> bool:
        """Whether they hold the same. The operator's log may hold older entries: nobody can delete those."""
        return self.sha256 == self.target_sha256 or (self.company_id == OPERATOR and self.target_rows > self.rows)


class Migrated(Struct, frozen=True, kw_only=True):
    """What became of a migration."""

    written: int
    deleted: int
    passes: int
    checks: list[TableCheck]

    @property
    def same(self) -> bool:
        """Whether both databases held the same in the end."""
        return all(check.same for check in self.checks)


async def migrate(source: Engines, target: Engines, *, replace: bool = False, tell: Tell = silent) -> Migrated:
    """Make the target what the source is; safe to interrupt and to give again, for what is there already is left as it is.

    It ends with a comparison of both, table by table, by count and hash. Where they differ, the source was written to meanwhile.
    Raises TENANT_EXISTS where the target has companies that the source has not, or was used by itself, unless `replace` says that this
    may go.
    """
    moving = _Moving(source, target, Progress(tell))
    passes = 0
    while passes < _PASSES:
        passes += 1
        if not await moving.go(replace=replace):
            break
    return Migrated(written=moving.written, deleted=moving.deleted, passes=passes, checks=await compare(source, target))


async def compare(source: Engines, target: Engines) -> list[TableCheck]:
    """Count and hash of every table of every company in both."""
    checks = []
    async with snapshot(source) as mine, snapshot(target) as other:
        for company in [*sorted({*await mine.companies(), *await other.companies()}), OPERATOR]:
            for table in tables_of(company, TABLES):
                rows, digest = await _sum(mine, table, company)
                target_rows, target_digest = await _sum(other, table, company)
                checks.append(
                    TableCheck(
                        company_id=company,
                        # A name of SQLAlchemy's own kind of text, which no JSON takes.
                        table=str(table.name),
                        rows=rows,
                        target_rows=target_rows,
                        sha256=digest,
                        target_sha256=target_digest,
                    )
                )
    return checks


async def _sum(still: Snapshot, table: Table, company: str) -> tuple[int, str]:
    rows, digest = 0, hashlib.sha256()
    async with aclosing(still.pages(table, company)) as pages:
        async for page in pages:
            rows += len(page)
            for row in page:
                digest.update(same_everywhere(table, row) + b"\n")
    return rows, digest.hexdigest()


class _Moving:
    """One migration, under way."""

    def __init__(self, source: Engines, target: Engines, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self.written = 0
        self.deleted = 0

    async def go(self, *, replace: bool) -> int:
        """One pass over everything; returns how many rows it changed."""
        before = self.written + self.deleted
        async with snapshot(self._source) as mine, snapshot(self._target) as other:
            companies, there = await mine.companies(), await other.companies()
            if not replace:
                await _check_unused(mine, other, [each for each in there if each in companies])
            await self._drop_others([each for each in there if each not in companies], replace=replace)
            for company in [*companies, OPERATOR]:
                for table in tables_of(company, TABLES):
                    self._progress.expect(await mine.count(table, company))
                    await self._table(mine, other, table, company)
        return self.written + self.deleted - before

    async def _drop_others(self, others: Sequence[str], *, replace: bool) -> None:
        if others and not replace:
            some = ", ".join(others[:3])
            raise AppError(
                Code.TENANT_EXISTS,
                f"The target has companies that the source has not ({some}). Give it an empty database, or --replace to erase them there.",
            )
        for company in others:
            async with over_all(self._target) as transaction:
                await SqlDirectory(transaction).delete_tenant(company)
            self.deleted += 1

    async def _table(self, mine: Snapshot, other: Snapshot, table: Table, company: str) -> None:
        if any(index.unique for index in table.indexes):
            # Row by row, a value that moved from one row to another would be there twice for a moment. These tables are small.
            await self._at_once(mine, other, table, company)
            return
        changed: list[Row] = []
        gone: list[Row] = []
        async with (
            aclosing(mine.pages(table, company)) as mine_pages,
            aclosing(other.pages(table, company)) as other_pages,
            aclosing(_side_by_side(table, mine_pages, other_pages)) as pairs,
        ):
            async for wanted, there in pairs:
                if wanted is None:
                    gone += [there] if there is not None else []
                else:
                    self._progress.step(f"{company or 'operator'} {table.name}")
                    if there is None or same_everywhere(table, wanted) != same_everywhere(table, there):
                        changed.append(wanted)
                if len(changed) + len(gone) >= _AT_ONCE:
                    await self._write(table, company, changed, gone)
                    changed, gone = [], []
        await self._write(table, company, changed, gone)

    async def _at_once(self, mine: Snapshot, other: Snapshot, table: Table, company: str) -> None:
        wanted, there = await _all(mine, table, company), await _all(other, table, company)
        if [same_everywhere(table, row) for row in wanted] != [same_everywhere(table, row) for row in there]:
            await self._write(table, company, wanted, there)
        self._progress.step(f"{company} {table.name}", len(wanted))

    async def _write(self, table: Table, company: str, changed: Sequence[Row], gone: Sequence[Row]) -> None:
        """Both in one transaction, what goes first."""
        gone = [] if company == OPERATOR else gone
        if not changed and not gone:
            return
        async with over_all(self._target) as transaction:
            if company != OPERATOR:
                await transaction.act_for(company)
            for row in gone:
                await transaction.write(delete(table).where(and_(*(column == row[column.name] for column in table.primary_key))))
            rows = [_to_write(table, row) for row in changed]
            if company == OPERATOR and rows:
                await transaction.write(insert(table, transaction.dialect).on_conflict_do_nothing(), rows)
            else:
                await transaction.upsert(table, rows)
        self.written += len(changed)
        self.deleted += len(gone)


async def _check_unused(mine: Snapshot, other: Snapshot, companies: Sequence[str]) -> None:
    """Refuse a target that Desklore has run over since it was a copy: what came there would be undone."""
    used = []
    for company in companies:
        for column in (audit.c.at, runs.c.created_at):
            at, there = await mine.newest(column, company), await other.newest(column, company)
            if there is not None and (at is None or there > at):
                used.append(company)
                break
    if used:
        raise AppError(
            Code.TENANT_EXISTS,
            f"The target was used since: {', '.join(used[:3])} has newer entries there than in the source, which would be undone. "
            "Check --from and --to; --replace says that they may go.",
        )


def _to_write(table: Table, row: Row) -> dict[str, Any]:
    json = of_json(table)
    return {name: Raw(value.encode()) if name in json and value is not None else value for name, value in row.items()}


async def _all(still: Snapshot, table: Table, company: str) -> list[Row]:
    async with aclosing(still.pages(table, company)) as pages:
        return [row async for page in pages for row in page]


async def _side_by_side(
    table: Table, mine: AsyncIterator[Sequence[Row]], other: AsyncIterator[Sequence[Row]]
) -> AsyncGenerator[tuple[Row | None, Row | None], None]:
    """Rows of both by key, None where one of them has no such row."""
    keys = [column.name for column in table.primary_key]
    async with aclosing(_rows(mine)) as mine_rows, aclosing(_rows(other)) as other_rows:
        wanted, there = await anext(mine_rows, None), await anext(other_rows, None)
        while wanted is not None or there is not None:
            one, two = _key(keys, wanted), _key(keys, there)
            if two is None or (one is not None and one < two):
                yield wanted, None
                wanted = await anext(mine_rows, None)
            elif one is None or two < one:
                yield None, there
                there = await anext(other_rows, None)
            else:
                yield wanted, there
                wanted, there = await anext(mine_rows, None), await anext(other_rows, None)


async def _rows(pages: AsyncIterator[Sequence[Row]]) -> AsyncGenerator[Row, None]:
    async for page in pages:
        for row in page:
            yield row


def _key(names: Sequence[str], row: Row | None) -> Key | None:
    if row is None:
        return None
    return tuple(row[name].replace("\0", "\ufffd") if isinstance(row[name], str) else row[name] for name in names)

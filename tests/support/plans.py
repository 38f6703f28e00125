"""Every statement of the stores, and PostgreSQL's plan for it over many rows: for tests and benches."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy import event

from backend.core.model.document import DocState
from backend.core.model.feedback import Rating
from backend.core.model.job import Job
from backend.storage.sql.pages import Place
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import CONNECTION, START, Records, audit_entry
from tests.contract.test_stores import ERASES, READS, fill
from tests.support.many_rows import MANY_ROWS
from tests.support.postgres import PostgresDatabase

SMALL = {"tenants", "connections", "budgets", "calibrations", "index_marks"}
"""A few rows for each tenant: where one has all of what is asked for, reading its rows is the plan."""
A_PAGE = 1.0
"""What reading one page in order costs, in the planner's units (`seq_page_cost`)."""

Asked = list[tuple[str, Any]]


async def forget(_jobs: Sequence[Job]) -> None:
    """A queue for what sends no jobs."""


async def crowd(postgres: PostgresDatabase, *, tenants: int, documents: int, big: int) -> None:
    """Many rows in every table: so many tenants with so many Documents each; the first has `big`."""
    await postgres.empty()
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        await connection.execute(MANY_ROWS.format(tenants=tenants, documents=documents, big=big))
        # The big tenant is in the middle of its first sync.
        await connection.execute("UPDATE documents SET state = 'pending' WHERE company_id = 't1' AND original_id::int % 3 < 2")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def ask_everything(database: SqlDatabase) -> tuple[Asked, Asked]:
    """Every statement of a tenant's stores and of the directory."""
    asked: Asked = []
    records = Records(database)
    await records.add_tenants("t1")
    await fill(records, "t1")
    event.listen(
        database._engines.writer.sync_engine, "before_cursor_execute", lambda _c, _k, sql, values, _x, _m: asked.append((sql, values))
    )
    for call in [*READS.values(), *ERASES.values()]:
        async with database.open("t1", write=True) as work:
            await call(work)
    async with database.open("t1") as work:
        await work.documents.list(limit=1)
        after = Place(START, "x").text()
        await work.documents.list(after=after)
        await work.documents.list(states=[DocState.FAILED])
        await work.documents.list(states=[DocState.INDEXED, DocState.PENDING], after=after)
        await work.documents.list(connection_id=CONNECTION)
        await work.documents.counts(CONNECTION)
        await work.audit.list(after=after, since=START, until=START)
        await work.audit.list(actor="key:k1", after=after)
        await work.audit.list(action="key.create")
        await work.audit.list(actor="key:k1", action="key.create")
        await work.feedback.list(rating=Rating.DOWN, since=START, after=after)
        await work.sync.list_runs(CONNECTION, after=after)
        await work.sync.list_failures(CONNECTION, after=Place(START, "ticket 1").text())
        await work.documents.claim(100, START + timedelta(days=900))
    mine = list(asked)
    asked.clear()
    async with database.directory() as directory:
        await directory.find_key("hash")
        await directory.touch_key("k", START)
        await directory.due_connections(START, 10)
        await directory.scheduled_runs()
        await directory.unfinished()
        await directory.running()
        await directory.get_tenant("t1")
        await directory.audit(audit_entry())
    return mine, asked


async def plans(database: PostgresDatabase, asked: Asked, setting: str) -> dict[str, dict[str, Any]]:
    """The plan of each statement, as the application's role sees it."""
    found: dict[str, dict[str, Any]] = {}
    connection = await asyncpg.connect(database.url)
    try:
        async with connection.transaction():
            await connection.execute(setting)
            for sql, values in asked:
                if sql.split(" ", 1)[0] not in ("SELECT", "UPDATE", "DELETE") or "set_config" in sql:
                    continue
                given = values[0] if isinstance(values, list) else values
                found[sql] = json.loads((await connection.fetchrow(f"EXPLAIN (FORMAT JSON) {sql}", *given))[0])[0]["Plan"]
    finally:
        await connection.close()
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def plans_over(postgres: PostgresDatabase, *, tenants: int, documents: int, big: int) -> dict[str, dict[str, Any]]:
    """SQL of every statement -> its plan over so many rows."""
    database = SqlDatabase(postgres.url, forget)
    mine, directory = await ask_everything(database)
    await database.close()
    await crowd(postgres, tenants=tenants, documents=documents, big=big)
    found = await plans(postgres, mine, "SELECT set_config('app.company_id', 't1', true)")
    return found | await plans(postgres, directory, "SELECT set_config('app.operator', 'on', true)")


def scans(found: dict[str, dict[str, Any]]) -> list[str]:
    """Where a table that is not small is read from end to end; one without a page, such as a month to come, has none."""
    return [
        f"{node['Relation Name']}: {sql[:300]}"
        for sql, plan in found.items()
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] not in SMALL and node["Total Cost"] >= A_PAGE
    ]

"""Rules that hold for every table, also for one that is added later, and an index for every query."""

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from backend.core.model.document import DocState, DocType
from backend.core.model.job import Job
from backend.core.model.sync import Stream
from backend.storage.sql.pages import Place
from backend.storage.sql.schema import metadata
from backend.storage.sql.transaction import upsert_statement
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import CONNECTION, START, doc, tenant


@pytest.fixture
async def database(url: str) -> AsyncIterator[SqlDatabase]:
    async def forget(_jobs: Sequence[Job]) -> None:
        return None

    made = SqlDatabase(url, forget)
    yield made
    await made.close()


def path_of(url: str) -> str:
    return url.removeprefix("sqlite+aiosqlite:///")


def test_every_key_begins_with_the_company() -> None:
    for table in metadata.sorted_tables:
        assert next(iter(table.primary_key.columns)).name == "company_id", table.name
        for index in table.indexes:
            first = next(iter(index.columns)).name
            # Those that begin with none of a company's are for finding out whose something is, or what is due.
            among_all = index.name == "ix_connections_platform_domain" or first in ("key_hash", "key_id", "next_run_at")
            assert among_all or first in ("company_id", "connection_id"), f"{table.name}.{index.name}"


def test_no_table_lets_a_row_outlive_its_tenant() -> None:
    """The audit log tells what an operator did too, and is emptied by name when a tenant is deleted."""
    free = {table.name for table in metadata.sorted_tables if not table.c.company_id.foreign_keys}
    assert free == {"tenants", "audit"}


async def test_deleting_a_tenant_empties_every_table_there_is(url: str, database: SqlDatabase) -> None:
    values = {"VARCHAR": "x", "TEXT": "x", "JSON": "{}", "INTEGER": 1, "BIGINT": 1, "FLOAT": 1.0, "BLOB": b"x", "DATE": "2026-03-01"}
    async with database.directory() as directory:
        for company in ("acme", "other"):
            await directory.put_tenant(tenant(company))
    with closing(sqlite3.connect(path_of(url))) as connection:
        for table in metadata.sorted_tables:
            for company in ("acme", "other"):
                row = {c.name: values.get(re.split(r"[ (]", str(c.type))[0], START.isoformat()) for c in table.columns}
                row |= {"company_id": company} | ({"key_hash": company} if "key_hash" in row else {})
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES ({marks})", tuple(row.values()))
        connection.commit()
    async with database.directory() as directory:
        await directory.delete_tenant("acme")
    with closing(sqlite3.connect(path_of(url))) as connection:
        for table in metadata.sorted_tables:
            left = connection.execute(f"SELECT company_id FROM {table.name}").fetchall()
            assert left == [("other",)], table.name


async def test_every_query_has_an_index(url: str, database: SqlDatabase) -> None:
    asked: list[tuple[str, Any]] = []
    for engine in (database._engines.reader, database._engines.writer):
        event.listen(engine.sync_engine, "before_cursor_execute", lambda _c, _k, sql, values, _x, _m: asked.append((sql, values)))
    async with database.directory() as directory:
        await directory.put_tenant(tenant("acme"))
    documents = [doc(n) for n in range(3)]
    async with database.open("acme") as work:
        await work.documents.put(documents)
    asked.clear()
    async with database.open("acme") as work:
        await work.documents.versions(CONNECTION, DocType.TICKET, ["1", "2"])
        await work.documents.get_many([d.document_id for d in documents])
        await work.documents.find(None, DocType.TICKET, "1")
        await work.documents.list()
        _, after = await work.documents.list(limit=1)
        await work.documents.list(after=after)
        await work.documents.list(states=[DocState.FAILED])
        await work.documents.list(connection_id=CONNECTION)
        await work.documents.counts()
        await work.documents.counts(CONNECTION)
        await work.attachments.of(["x"])
        await work.attachments.waiting(8)
        await work.sync.active_run(CONNECTION)
        await work.sync.list_runs()
        await work.sync.list_runs(CONNECTION)
        await work.sync.get_cursor(CONNECTION, Stream.TICKETS)
        await work.sync.list_failures(CONNECTION)
        await work.usage.list(date(2026, 3, 1), date(2026, 3, 2))
        await work.usage.get_cached(["x"])
        await work.feedback.of_documents(["x"])
        await work.feedback.list()
        await work.audit.list()
        await work.documents.touch({documents[0].document_id: "v2"})
        claimed = await work.documents.claim(10, START)
        await work.documents.finish(claimed)
        await work.documents.release()
        await work.documents.mark_deleted(CONNECTION, DocType.TICKET, {"1": "deleted"}, START)
    async with database.directory() as directory:
        await directory.find_key("x")
        await directory.touch_key("x", START)
        await directory.unfinished()
        await directory.running()
    plans = plans_of(url, asked)
    assert len(plans) > 25
    scans = [
        (sql, line)
        for sql, lines in plans.items()
        for line in lines
        if re.search(r"SCAN (?!tenants|CONSTANT ROW)", line) and "INDEX" not in line
    ]
    assert scans == []
    page = next(lines for sql, lines in plans.items() if "ORDER BY documents.updated_at DESC" in sql and "documents.state = ?" in sql)
    assert not any("TEMP B-TREE" in line for line in page), "a claim reads the newest from the index, it does not sort all that wait"


async def test_an_audit_log_is_read_in_order_from_an_index(url: str, database: SqlDatabase) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        database._engines.reader.sync_engine, "before_cursor_execute", lambda _c, _k, sql, values, _x, _m: asked.append((sql, values))
    )
    after = Place(START, "x").text()
    async with database.open("acme") as work:
        await work.audit.list(since=START, until=START, after=after)
        await work.audit.list(actor="key:k1", after=after)
        await work.audit.list(action="key.create")
    used = [line for lines in plans_of(url, asked).values() for line in lines]
    assert not [line for line in used if "TEMP B-TREE" in line or "SEARCH" not in line]
    assert [name for name in ("autoindex", "company_id_actor_at", "company_id_action_at") if not any(name in line for line in used)] == []


async def test_pages_of_runs_and_failures_are_read_in_order_from_an_index(url: str, database: SqlDatabase) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        database._engines.reader.sync_engine, "before_cursor_execute", lambda _c, _k, sql, values, _x, _m: asked.append((sql, values))
    )
    after = Place(START, "ticket 1").text()
    async with database.open("acme") as work:
        await work.sync.list_runs(after=after)
        await work.sync.list_runs(CONNECTION, after=after)
        await work.sync.list_failures(CONNECTION, after=after)
    used = [line for lines in plans_of(url, asked).values() for line in lines]
    assert not [line for line in used if "TEMP B-TREE" in line or "SEARCH" not in line]
    names = ("company_id_created_at", "company_id_connection_id_created_at", "company_id_connection_id_at_doc_type")
    assert [name for name in names if not any(name in line for line in used)] == []


def plans_of(url: str, asked: list[tuple[str, Any]]) -> dict[str, list[str]]:
    plans: dict[str, list[str]] = {}
    with closing(sqlite3.connect(path_of(url))) as connection:
        for sql, values in asked:
            if sql.split(" ", 1)[0] in ("SELECT", "UPDATE", "DELETE"):
                given = values[0] if isinstance(values, list) else values
                plans[sql] = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
    return plans


async def test_a_hundred_documents_are_one_statement(database: SqlDatabase) -> None:
    async with database.directory() as directory:
        await directory.put_tenant(tenant("acme"))
    asked: list[str] = []
    for engine in (database._engines.reader, database._engines.writer):
        event.listen(engine.sync_engine, "before_cursor_execute", lambda _c, _k, sql, _v, _x, _m: asked.append(sql.split(" ", 1)[0]))
    documents = [doc(n) for n in range(100)]
    async with database.open("acme") as work:
        await work.documents.put(documents)
    assert asked == ["BEGIN", "INSERT"]
    asked.clear()
    async with database.open("acme") as work:
        await work.documents.versions(CONNECTION, DocType.TICKET, [d.original_id for d in documents])
    assert asked == ["SELECT"]
    asked.clear()
    async with database.open("acme") as work:
        claimed = await work.documents.claim(100, START)
    assert asked == ["BEGIN", "SELECT", "UPDATE"]
    asked.clear()
    async with database.open("acme") as work:
        assert await work.documents.finish(claimed) == 100
    assert asked == ["BEGIN", "SELECT", "UPDATE"]


def test_both_databases_spell_the_upsert_the_same() -> None:
    def spelled(dialect: Any, name: str, table: Any) -> str:
        statement = upsert_statement(table, name)
        assert isinstance(statement, ClauseElement)
        return re.sub(r"%\(\w+\)s(::\w+( WITH TIME ZONE)?)*|\?", "?", str(statement.compile(dialect=dialect)))

    for table in metadata.sorted_tables:
        on_sqlite = spelled(sqlite.dialect(), "sqlite", table)
        assert spelled(postgresql.dialect(), "postgresql", table) == on_sqlite  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects have no types
        assert "ON CONFLICT (company_id" in on_sqlite

"""Partitions in PostgreSQL: made ahead, filled from the rest, pruned by the planner, closed to everybody but through their table."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime

import asyncpg
import pytest

from backend.core.model.job import Job
from backend.core.model.retention import Retention
from backend.storage.sql.engine import downgrade, upgrade
from backend.storage.sql.months import months_before
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.support.plans import nodes
from tests.support.postgres import PostgresDatabase, SharedPostgres, database_at, drop_database, make_database

TODAY = datetime.now(UTC).date()
ROWS = """
INSERT INTO tenants SELECT 't' || n, now(), '{}' FROM generate_series(1, 3) n;
INSERT INTO usage (company_id, day, provider, model, purpose, calls, input_tokens, output_tokens, cost_usd)
  SELECT company_id, current_date - n, 'openai', 'gpt', 'summary', n, 1, 1, 1 FROM tenants, generate_series(0, 400) n;
INSERT INTO audit (company_id, entry_id, at, body)
  SELECT company_id, 'e-' || n, now() - n * interval '1 day', '{}' FROM (SELECT company_id FROM tenants UNION SELECT '') c,
    generate_series(0, 400) n;
INSERT INTO answers (company_id, answer_id, created_at, body)
  SELECT company_id, 'ans-' || n, now() - n * interval '1 day', '{}' FROM tenants, generate_series(0, 400) n;
INSERT INTO paid_results (company_id, cache_key, purpose, stored_at, value)
  SELECT company_id, md5(n::text), 'summary', now() - n * interval '1 day', n::text::bytea FROM tenants, generate_series(0, 400) n;
"""
COUNTS = (
    "SELECT (SELECT sum(calls) FROM usage), (SELECT count(*) FROM usage), (SELECT count(*) FROM audit), "
    "(SELECT count(*) FROM answers), (SELECT sum(length(value)) FROM paid_results)"
)
MONTHLY = ("usage", "audit", "answers", "paid_results")


@pytest.fixture
async def bare(postgres_server: SharedPostgres) -> AsyncIterator[PostgresDatabase]:
    """A database without tables, for what changes the schema."""
    name = f"desklore_months_{secrets.token_hex(4)}"
    await make_database(postgres_server.admin_url, name)
    yield database_at(postgres_server.admin_url, name)
    await drop_database(postgres_server.admin_url, name)


async def ask(url: str, query: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


async def run(url: str, orders: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(orders)
    finally:
        await connection.close()


async def partitions(url: str, table: str) -> dict[str, int]:
    """Name -> rows."""
    found = await ask(url, f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1 ORDER BY 1")
    return {row[0]: row[1] for row in found}


async def forget(_jobs: Sequence[Job]) -> None:
    return None


async def keep(database: PostgresDatabase, retention: Retention) -> list[list[str]]:
    """As the application's role, which owns nothing."""
    opened = SqlDatabase(database.url, forget)
    try:
        kept = await opened.keep_months(retention, TODAY)
        return [kept.made, kept.dropped]
    finally:
        await opened.close()


async def test_rows_of_the_release_before_are_moved_up_and_down(bare: PostgresDatabase) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    await asyncio.to_thread(downgrade, bare.owner_url, "0008")
    await run(bare.admin_url, ROWS)
    before = await ask(bare.admin_url, COUNTS)
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    assert await ask(bare.admin_url, COUNTS) == before
    for table in MONTHLY:
        parts = await partitions(bare.admin_url, table)
        assert f"{table}_y{TODAY:%Y}m{TODAY:%m}" in parts
        assert len(parts) >= 13, "a partition for every month there are rows of"
        assert f"{table}_rest" not in parts
    await asyncio.to_thread(downgrade, bare.owner_url, "0008")
    assert await ask(bare.admin_url, COUNTS) == before
    assert await partitions(bare.admin_url, "audit") == {"audit": before[0][2]}
    assert await partitions(bare.admin_url, "answers") == {"answers": before[0][3]}
    rights = await ask(bare.url, "SELECT has_table_privilege('paid_results', 'INSERT'), has_table_privilege('audit', 'SELECT')")
    assert list(rights[0]) == [True, True], "the application of the release before goes on working"


async def test_audit_entries_of_the_release_before_are_found_by_who_and_what(bare: PostgresDatabase) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    await asyncio.to_thread(downgrade, bare.owner_url, "0013")
    await run(bare.admin_url, ROWS)
    await run(bare.admin_url, """UPDATE audit SET body = '{"actor": "token:김상담", "action": "key.create"}'""")
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    found = await ask(bare.admin_url, "SELECT DISTINCT actor, action FROM audit")
    assert [tuple(row) for row in found] == [("token:김상담", "key.create")]
    forced = await ask(
        bare.admin_url, "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ '^audit'"
    )
    assert list(forced[0]) == [True], "the owner sees no row of anybody's again"


async def test_of_a_result_that_was_paid_for_twice_the_later_one_is_left_by_the_way_down(bare: PostgresDatabase) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    await run(bare.admin_url, ROWS)
    await run(bare.admin_url, "INSERT INTO paid_results SELECT company_id, cache_key, purpose, now(), 'later' FROM paid_results")
    await asyncio.to_thread(downgrade, bare.owner_url, "0010")
    left = await ask(
        bare.admin_url, "SELECT count(*), count(DISTINCT (company_id, cache_key)), string_agg(DISTINCT value, '') FROM paid_results"
    )
    assert list(left[0]) == [1203, 1203, b"later"]
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    assert sum((await partitions(bare.admin_url, "paid_results")).values()) == 1203


async def test_the_application_makes_months_ahead_and_drops_old_ones(bare: PostgresDatabase) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    await run(bare.admin_url, ROWS)
    assert "usage_rest" in await partitions(bare.admin_url, "usage"), "a month without a partition is no reason to lose a row"
    for month in range(4):
        first = months_before(TODAY, -month)
        assert await ask(bare.admin_url, "SELECT to_regclass($1)::text", f"audit_y{first:%Y}m{first:%m}") != [(None,)]
    made, dropped = await keep(bare, Retention())
    assert dropped == []
    assert len(made) >= 24
    assert "usage_rest" not in await partitions(bare.admin_url, "usage")
    assert await keep(bare, Retention()) == [[], []]
    rows = await ask(bare.admin_url, COUNTS)
    _, dropped = await keep(bare, Retention(usage_months=6))
    assert all(name.startswith("usage_y") for name in dropped)
    oldest = await ask(bare.admin_url, "SELECT min(day) FROM usage")
    assert oldest[0][0] == months_before(TODAY, 6)
    assert list((await ask(bare.admin_url, COUNTS))[0])[2:] == list(rows[0])[2:], "the others were not asked about"
    _, dropped = await keep(bare, Retention(answer_months=3, paid_months=1))
    assert {name.rsplit("_", 1)[0] for name in dropped} == {"answers", "paid_results"}
    oldest = await ask(bare.admin_url, "SELECT (SELECT min(created_at) FROM answers), (SELECT min(stored_at) FROM paid_results)")
    assert [moment.date() for moment in oldest[0]] == [months_before(TODAY, 3), months_before(TODAY, 1)]


async def test_two_processes_may_do_it_at_once(bare: PostgresDatabase) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    await run(bare.admin_url, ROWS)
    both = await asyncio.gather(keep(bare, Retention(usage_months=2)), keep(bare, Retention(usage_months=2)))
    assert sorted(len(made) > 0 for made, _ in both) == [False, True]


@pytest.mark.parametrize("before", [TODAY, months_before(TODAY, 0)])
async def test_nobody_drops_the_present_months(postgres: PostgresDatabase, before: date) -> None:
    with pytest.raises(asyncpg.PostgresError, match="may be dropped"):
        await ask(postgres.url, "SELECT desklore_drop_months('audit', $1)", before)
    with pytest.raises(asyncpg.PostgresError, match="may be dropped"):
        await ask(postgres.url, "SELECT desklore_drop_months('documents', $1)", date(2001, 1, 1))


async def test_a_partition_is_closed_but_through_its_table(postgres: PostgresDatabase) -> None:
    await run(postgres.admin_url, ROWS)
    part = f"audit_y{TODAY:%Y}m{TODAY:%m}"
    others = [f"{table}_y{TODAY:%Y}m{TODAY:%m}" for table in MONTHLY[2:]]
    for name in (part, *others, *(f"{table}_rest" for table in MONTHLY)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(postgres.url, f"SELECT * FROM {name}")
        owners = await ask(postgres.owner_url, f"SELECT set_config('app.company_id', 't1', false), (SELECT count(*) FROM {name}) AS n")
        assert owners[0]["n"] == 0, "not even the owner sees a row"


async def test_the_planner_reads_the_months_that_are_asked_for(bare: PostgresDatabase) -> None:
    await asyncio.to_thread(upgrade, bare.url, bare.owner_url)
    await run(bare.admin_url, ROWS)
    await keep(bare, Retention())
    connection = await asyncpg.connect(bare.url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.company_id', 't1', true)")
            query = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM usage WHERE company_id = $1 AND day >= $2 AND day <= $3"
            for _ in range(6):
                # From the sixth time on a plan for any values is used: it prunes when it runs.
                found = await connection.fetchrow(query, "t1", months_before(TODAY, 1), TODAY)
                plan = json.loads(found[0])[0]["Plan"]
                read = {node["Relation Name"] for node in nodes(plan) if "Relation Name" in node and node.get("Actual Loops", 1)}
                wanted = {f"usage_y{day:%Y}m{day:%m}" for day in (TODAY, months_before(TODAY, 1))}
                assert wanted <= read <= wanted | {"usage_rest"}
    finally:
        await connection.close()
